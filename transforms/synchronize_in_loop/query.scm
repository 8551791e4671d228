; A function of a module: `torch.cuda.synchronize()`, `gc.collect()`.
(call
  function: (attribute
    attribute: (identifier) @function)
  (#any-of? @function "synchronize" "empty_cache" "collect")) @call

; The same, imported: `from torch.cuda import empty_cache`.
(call
  function: (identifier) @function
  (#any-of? @function "synchronize" "empty_cache" "collect")) @call
