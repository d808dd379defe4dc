// Presses the button of the page that leads back to the app (OAuth 2.0 Form Post Response Mode).
"use strict";
document.getElementById("back").requestSubmit();
