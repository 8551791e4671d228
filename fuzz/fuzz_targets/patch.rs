//! A patch makes the new text from the old.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mlfix_fuzz::patch(data));
