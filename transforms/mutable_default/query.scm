; A function whose parameters may have defaults: all of them are judged together, because their guards stand one below the other.
(function_definition
  parameters: (parameters)) @function

; A lambda has no body that a guard could stand in.
(lambda
  parameters: (lambda_parameters)) @lambda
