"""The connection checks: what an administrator wants to know before the first launch, and every day after it.

Each check is data and one function (`checks`); `runner.run` runs them side by side for one registration.
"""
