"""The sentence under each field of a configuration, from its source.

A field's unit and reason stand in the string below it, which Python does not keep: so the source of
the class is read. Who changes a sentence there changes it in every file and page that shows it.

Cost: 8 ms for each class, as Python reads its whole module.
"""

import ast
import inspect
from collections.abc import Iterator


def sentences_of(kind: type) -> dict[str, str]:
    """Give the text below each field of a dataclass, in one line, by the field's name.

    A field without a text has no entry.

    Raises:
        OSError: the source of the class is not there.
    """
    return dict(_pairs(ast.parse(inspect.getsource(kind)).body[0]))


def _pairs(definition: ast.stmt) -> Iterator[tuple[str, str]]:
    name = ""
    for node in definition.body if isinstance(definition, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield name, " ".join(str(node.value.value).split())
            name = ""
