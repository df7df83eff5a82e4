"""The HTTP door: OpenID AuthZEN Authorization API 1.0 on Starlette and uvicorn."""
