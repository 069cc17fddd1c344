// Requests the impression of an ad when half of it is in view. loading="lazy" does so thousands of pixels earlier.
const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    inView.unobserve(target);
    new Image().src = target.dataset.impression;
  }
}, { threshold: 0.5 });
for (const ad of document.querySelectorAll("[data-impression]")) inView.observe(ad);
