; What a condition decides: `if loss > best:`, `while err > tolerance:`, `assert x.isfinite().all()`, `a if loss > best else b`.
[
  (if_statement)
  (elif_clause)
  (while_statement)
  (assert_statement)
  (conditional_expression)
] @decision

; A function or method: `print(loss)`, `x.nonzero()`, `max(a, b)`, `x.to(device)`.
(call) @use

; A text with a tensor in it: `f"{loss:.3f}"`.
(interpolation) @use

; The same in the older way: `"%.3f" % loss`.
(binary_operator
  left: (string)) @use

; A selection by a mask: `x[mask]`.
(subscript) @use
