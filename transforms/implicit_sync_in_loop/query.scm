; A condition: `if loss > best:`, `while err > tolerance:`.
[
  (if_statement condition: (_) @test)
  (elif_clause condition: (_) @test)
  (while_statement condition: (_) @test)
]

; What must hold: `assert x.isfinite().all()`.
(assert_statement . (_) @test)

; A conditional expression: `a if loss > best else b`.
(conditional_expression . (_) . (_) @test)

; A function or method: `print(loss)`, `x.nonzero()`, `max(a, b)`, `x.to(device)`.
(call) @use

; A text with a tensor in it: `f"{loss:.3f}"`.
(interpolation) @use

; The same in the older way: `"%.3f" % loss`.
(binary_operator
  left: (string)
  operator: "%") @use

; A selection by a mask: `x[mask]`.
(subscript) @use
