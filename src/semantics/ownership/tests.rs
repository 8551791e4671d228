//! Texts, and what is known about the memory of `t` in them.

use super::*;
use crate::engine::syntax::Tree;

/// What happens to the memory of `t` at each of its mentions in the body of a function, in one letter each: looked,
/// written, held.
#[track_caller]
fn fates(body: &str) -> String {
    let code = format!(
        "import torch\nimport numpy as np\nimport math\nimport torch.nn.functional as F\ndef f(a, g, t):\n    u = torch.ones(3)\n    {}\n",
        body.trim().replace('\n', "\n    ")
    );
    let tree = Tree::parse(&code);
    assert_eq!(tree.errors().count(), 0, "{code}");
    let facts = Facts::new(&tree);
    let is_mention = |node: &Node<'_>| node.is("identifier") && node.text() == "t" && facts.scopes().is_name(*node);
    let letter = |node| match facts.fate_of_memory(node, Form::Tensor) {
        Fate::Looked => 'l',
        Fate::Written(_) => 'w',
        Fate::Held(_) => 'h',
    };
    tree.root().descendants().filter(is_mention).skip(1).map(letter).collect()
}

#[test]
fn looks() {
    assert_eq!(fates("t.item()\nt.sum() + 1\nt + u\nprint(t)\nlen(t)\nt.shape[0]"), "llllll");
    assert_eq!(fates("t.view(-1)[0].item()\nt.cpu().numpy().mean()\nt.detach().tolist()"), "lll");
    assert_eq!(fates("torch.cat([t, u])\nF.mse_loss(t, u)\nu.add_(t)\nu.copy_(t)\nu[t]\nif t > 0: pass"), "llllll");
    assert_eq!(fates("v = t[0]\nprint(v)\nfor row in t:\n    print(row.sum())"), "ll");
    assert_eq!(fates("math.sqrt(t)\nf'{t}'\n'{}'.format(t)\nassert t, t"), "lllll");
    assert_eq!(fates("[x.item() for x in t]"), "l");
    assert_eq!(fates("for i, (x, y) in enumerate(zip(a, t)):\n    print(x, y)"), "l");
}

#[test]
fn writes() {
    assert_eq!(fates("t.zero_()\nt += 1\nt[0] = 1\nt.data = u\ndel t[0]"), "wwwww");
    assert_eq!(fates("t.view(-1)[0] += 1\nt.T.zero_()\nt.data.copy_(u)\nt.cpu().numpy()[0] = 1"), "wwww");
    assert_eq!(fates("torch.add(u, 1, out=t)\ntorch.nn.init.zeros_(t)\ntorch.relu_(t)"), "www");
    assert_eq!(fates("v = t[0]\nv += 1\nfor row in t:\n    row[0] = 1"), "ww");
    assert_eq!(fates("t.numpy().sort()\nt.sort()"), "wl");
    assert_eq!(fates("u[0], t[0] = 1, 2"), "w");
}

#[test]
fn holders() {
    assert_eq!(fates("g(t)\na.append(t)\na.x = t\na[t] = 1\nreturn t"), "hhhhh");
    assert_eq!(fates("yield t\n[t]\nlambda: t\n(t for x in a)\nt.register_hook(g)"), "hhhhh");
    assert_eq!(fates("def h():\n    t.item()\nv = t[0]\ng(v)\nw = (t, u)\na += t\nt.grad"), "hhhhh");
    assert_eq!(fates("g(*t)\na = b = t\nF.relu(t, inplace=True)\nfor row in t:\n    a.append(row)"), "hhhh");
    assert_eq!(fates("for i, (x, a[0]) in enumerate(zip(a, t)):\n    pass\nz = zip(t)\ng(z)"), "hh");
}

/// Whether `t` is its function's own until the `for` is done.
#[track_caller]
fn owned(body: &str) -> bool {
    let code = format!("import torch\ndef f(a, g, u: torch.Tensor):\n    {}\n", body.trim().replace('\n', "\n    "));
    let tree = Tree::parse(&code);
    assert_eq!(tree.errors().count(), 0, "{code}");
    let facts = Facts::new(&tree);
    let a_loop = tree.root().descendants().find(|node| node.is("for_statement")).expect("a loop");
    let name = tree.root().descendants().find(|node| node.text() == "t" && node.is("identifier")).expect("a name");
    facts.is_own_tensor(facts.scopes().variable_of(name).expect("a variable"), a_loop).is_ok()
}

#[test]
fn what_is_made_here_and_given_to_nobody() {
    assert!(owned("t = torch.zeros(3)\nfor i in a:\n    g(t.item())"));
    assert!(owned("t = torch.zeros(3).cuda().view(-1)\nfor i in a:\n    g(i)\nreturn t"));
    assert!(owned("t = u.sum()\nfor i in a:\n    g(i)"));
    assert!(owned("t = u + 1\nfor i in a:\n    t += 1"));
    assert!(owned("t = torch.zeros(3)\ng(t)\nt = torch.ones(3)\nfor i in a:\n    pass"));
    assert!(owned("t = torch.ones(1)\nif a:\n    return t\nfor i in a:\n    pass"));
    assert!(!owned("t = torch.zeros(3)\nfor i in a:\n    g(t)"));
    assert!(!owned("t = torch.zeros(3)\ng(t)\nfor i in a:\n    pass"));
    assert!(!owned("t = u\nfor i in a:\n    pass"));
    assert!(!owned("t = u[0]\nfor i in a:\n    pass"));
    assert!(!owned("t = u.view(-1)\nfor i in a:\n    pass"));
    assert!(!owned("t = u.float()\nfor i in a:\n    pass"));
    assert!(!owned("t = torch.from_numpy(a)\nfor i in a:\n    pass"));
    assert!(!owned("t = torch.as_tensor(a)\nfor i in a:\n    pass"));
    assert!(!owned("t = s = torch.zeros(3)\nfor i in a:\n    pass"));
    assert!(!owned("t = torch.where(u)\nfor i in a:\n    pass"));
    assert!(!owned("t = torch.zeros(3)\ndef h():\n    nonlocal t\n    t = 1\nfor i in a:\n    h()"));
    assert!(!owned("t = torch.zeros(3)\nh = lambda: t.zero_()\nfor i in a:\n    h()"));
    assert!(!owned("t = torch.zeros(3)\nfor i in a:\n    yield t"));
}

/// The text of what may change somebody's tensor in the loop.
#[track_caller]
fn stranger(body: &str) -> String {
    let body = body.trim().replace('\n', "\n        ");
    let code = format!(
        "import torch\ndef f(a, g, u: torch.Tensor):\n    total, rows = 0, []\n    for i in range(3):\n        {body}\n"
    );
    let tree = Tree::parse(&code);
    assert_eq!(tree.errors().count(), 0, "{code}");
    let facts = Facts::new(&tree);
    let a_loop = tree.root().descendants().find(|node| node.is("for_statement")).expect("a loop");
    facts.stranger_within(a_loop).map_or("-".to_string(), |node| node.text().lines().next().unwrap_or("").to_string())
}

#[test]
fn who_else_may_write() {
    assert_eq!(stranger("print(u.sum(), len(a))\nrows.append(u.item())\nrows[0] = i\nv = torch.exp(u)"), "-");
    assert_eq!(stranger("g(i)"), "g(i)");
    assert_eq!(stranger("a.step()"), "a.step()");
    assert_eq!(stranger("u.sum().backward()"), "u.sum().backward()");
    assert_eq!(stranger("a[0] = 1"), "a[0]");
    assert_eq!(stranger("a += 1"), "a += 1");
    assert_eq!(stranger("u.zero_()"), "u.zero_()");
    assert_eq!(stranger("for x in a:\n    pass"), "a");
    assert_eq!(stranger("yield i"), "yield i");
    assert_eq!(stranger("with a:\n    pass"), "with a:");
}
