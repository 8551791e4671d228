; A statement that is a call of a method: it may acquire a lock.
(expression_statement
  (call
    function: (attribute)) @call) @statement
