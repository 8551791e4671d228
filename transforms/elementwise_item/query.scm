; A comprehension that takes the elements of a tensor one by one: `[x.item() for x in t]`.
[
  (list_comprehension)
  (set_comprehension)
  (dictionary_comprehension)
  (generator_expression)
] @comprehension

; A loop that does so: `for x in t:`, also through `enumerate` and `zip`.
(for_statement) @loop

; A method that fetches one element or row: `t[i].item()`, `boxes[i].cpu().numpy()`.
(call
  function: (attribute
    object: (subscript) @element
    attribute: (identifier) @method)
  arguments: (argument_list)
  (#any-of? @method "item" "tolist" "cpu" "detach"))
