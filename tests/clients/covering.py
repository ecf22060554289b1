"""What the tests say that they use of a client: the names in their marks, read from the source of the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent


def expanded(names: Iterable[str]) -> set[str]:
    """What names stand for: ``post --language --sensitive`` is the command, and the command with either option."""
    return {
        f"{command}{option and ' --'}{option}"
        for name in names
        for command, *options in [name.split(" --")]
        for option in ("", *options)
    }


def covered(file: str, test: str = "test_") -> set[str]:
    """All names that ``covers`` marks name, of tests and in files whose names begin like this."""
    return expanded(
        argument.value
        for path in sorted(HERE.glob(f"{file}*.py"))
        for function in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name.startswith(test)
        for mark in function.decorator_list
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "covers"
        for argument in mark.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    )
