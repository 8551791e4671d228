; Every `for` statement: what its header walks and what its body does is judged in Rust.
(for_statement) @loop

; Every `for` of a comprehension or generator expression: `[jobs.pop(name) for name in jobs]`.
(for_in_clause) @loop
