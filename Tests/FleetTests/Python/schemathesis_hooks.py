"""What schemathesis does beside schemathesis.toml."""
import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    # A link out of an empty list names nothing, and would lead to the list: another operation, with other answers.
    for name, value in (case.path_parameters or {}).items():
        if value == "":
            case.path_parameters[name] = "nothing"
