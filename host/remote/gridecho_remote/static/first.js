"use strict";
// The code stands behind the #, which browsers send to nobody; from here it goes into the form, and out of the history.
const code = location.hash.slice(1);
if (code) {
  document.getElementById("code").value = code;
  history.replaceState(null, "", location.pathname);
}
