; A call of a plain name: `open(p)`, or what `open`, `gzip.open` and others were imported as.
(call
  function: (identifier)) @call

; A call of an attribute: `io.open(p)`, `tarfile.open(p)`, `Path(p).open()`.
(call
  function: (attribute)) @call
