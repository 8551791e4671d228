//! Statements move in and out.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mlfix_fuzz::reindent(data));
