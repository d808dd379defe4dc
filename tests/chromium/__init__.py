"""The running product in a real Chromium: launches, frames, widths, keyboard, accessibility."""
