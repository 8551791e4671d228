def reachable(graph, start):
    todo = [start]
    for node in todo:
        for nxt in graph.get(node, ()):
            if nxt not in todo:
                todo.append(nxt)
    return todo


print(reachable({1: [2], 2: [3], 3: []}, 1))
