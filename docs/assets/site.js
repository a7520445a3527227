// The theme makes these boxes after the page has loaded: those that scroll can be reached by the keyboard, and
// those of code have names.
const mark = () => {
  document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])").forEach((box) => { box.tabIndex = 0; });
  document.querySelectorAll(".md-code__nav:not([aria-label])").forEach((box) => {
    box.setAttribute("aria-label", `code ${[...document.querySelectorAll(".md-code__nav")].indexOf(box) + 1}`);
  });
};
new MutationObserver(mark).observe(document.body, { childList: true, subtree: true });
mark();
