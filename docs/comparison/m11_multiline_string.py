def prompt(q, parts=["""You are
  a helper.
"""]):
    parts.append(q)
    return parts


print(prompt("a"))
