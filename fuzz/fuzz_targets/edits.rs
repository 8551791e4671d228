//! Edits change what they name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mlfix_fuzz::edits(data));
