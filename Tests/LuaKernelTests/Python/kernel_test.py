"""jupyter_kernel_test on the Lua kernel: kernel_test.py FLEET_KERNEL. Installs the kernelspec below JUPYTER_DATA_DIR."""

import subprocess
import sys
import unittest

import jupyter_kernel_test


class LuaKernelTests(jupyter_kernel_test.KernelTests):
    kernel_name = "fleet-lua"
    language_name = "lua"
    file_extension = ".lua"
    code_hello_world = "print('hello, world')"
    code_stderr = "io.stderr:write('oops')"
    completion_samples = [
        {"text": "string.rep", "matches": {"rep"}},
        {"text": "whi", "matches": {"while"}},
    ]
    complete_code_samples = ["1", "print('hello')", "for i = 1, 2 do print(i) end", "x = 1"]
    incomplete_code_samples = ["print(", "for i = 1, 2 do", "x = [[", "1 +"]
    invalid_code_samples = ["x = = 1", "end", "1 2 3"]
    code_generate_error = "error('boom')"
    code_execute_result = [
        {"code": "1 + 2 + 3", "result": "6"},
        {"code": "return 'a', nil", "result": "a\tnil"},
    ]
    code_display_data = [
        {"code": "display{html = '<b>bold</b>'}", "mime": "text/html"},
        {"code": "display(plot{1, 4, 9})", "mime": "image/svg+xml"},
    ]
    code_clear_output = "clear_output()"
    code_page_something = "help('string.format')"
    code_inspect_sample = "string.format"
    code_history_pattern = "1 + *"
    supported_history_operations = ("tail", "range", "search")

    def execute_helper(self, *arguments, **options):
        """With patience for each message: on a busy machine the tenth of a second that it has there is too little."""
        channel = self.kc.iopub_channel
        impatient = channel.get_msg
        channel.get_msg = lambda timeout=None: impatient(timeout=jupyter_kernel_test.TIMEOUT)
        try:
            return super().execute_helper(*arguments, **options)
        finally:
            del channel.get_msg


class WelcomeTests(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "fleet-lua"
    support_iopub_welcome = True


def main():
    """Runs all tests; a skipped one is a failure."""
    suite = unittest.TestSuite()
    for case in (LuaKernelTests, WelcomeTests):
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() and not result.skipped and result.testsRun == 13 else 1)


if __name__ == "__main__":
    subprocess.run([sys.argv.pop(1), "install", "--user"], check=True)
    main()
