; A call of a plain name: `connect(p)`, or what `ThreadPoolExecutor` and others were imported as.
(call
  function: (identifier)) @call

; A call of an attribute: `sqlite3.connect(p)`, `torch.set_grad_enabled(False)`.
(call
  function: (attribute)) @call
