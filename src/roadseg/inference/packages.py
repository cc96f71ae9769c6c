"""Whether the packages of an engine are installed, found out without importing them."""

from importlib.util import find_spec

from roadseg.pipeline.errors import UserError

_PACKAGES = {"torch": (), "onnxruntime": ("onnxscript", "onnxruntime"), "openvino": ("onnxscript", "openvino")}
_REQUIREMENTS = {"onnxruntime": "requirements.txt", "onnxscript": "requirements.txt"}


def check_engine(name: str) -> None:
    """Raise UserError, with what to install, where a package of the engine `name` is missing."""
    for package in _PACKAGES[name]:
        if find_spec(package) is None:
            file = _REQUIREMENTS.get(package, f"requirements-{package}.txt")
            raise UserError(
                f"predict.engine is {name}, but the package {package} is not installed; "
                f"run `pip install -r {file}`, or set predict.engine to torch"
            )
