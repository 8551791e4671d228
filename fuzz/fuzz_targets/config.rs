//! Any configuration is read or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mlfix_fuzz::config(data));
