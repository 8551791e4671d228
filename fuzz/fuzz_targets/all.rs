//! Each input is tried on the target that its first byte names.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mlfix_fuzz::all(data));
