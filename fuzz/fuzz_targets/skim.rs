//! What is not parsed has no findings.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mlfix_fuzz::skim(data));
