/* Suggests products and categories while a user types a target, and normalises a keyword. */
"use strict";
{
    const WAIT = 200; // milliseconds after the last key
    const VALUE = "#targets-group input[data-offered]";
    const timers = new WeakMap(), asked = new WeakMap(); // by field

    function valueOf(element) {
        if (element.matches(VALUE)) {
            return element;
        }
        const row = element.closest("#targets-group tr.form-row");
        return row && element.matches("select[name$=-kind]") ? row.querySelector("input[data-offered]") : null;
    }

    async function ask(field, use) {
        const kind = field.closest("tr").querySelector("select[name$=-kind]").value;
        const text = field.value;
        if (!kind || !text) {
            return;
        }
        const number = (asked.get(field) ?? 0) + 1;
        asked.set(field, number);
        const query = new URLSearchParams({kind, text});
        try {
            const response = await fetch(`${field.dataset.offered}?${query}`, {credentials: "same-origin"});
            if (response.ok && number === asked.get(field) && field.value === text) {
                use(field, kind, (await response.json()).values);
            }
        } catch {
            // No suggestions then. Saving validates the value.
        }
    }

    function offer(field, kind, values) {
        let list = document.getElementById(`${field.id}-offered`);
        if (!list) {
            list = document.createElement("datalist");
            list.id = `${field.id}-offered`;
            field.after(list);
            field.setAttribute("list", list.id);
        }
        list.replaceChildren(...(kind === "keyword" ? [] : values).map(({value, label}) => {
            const option = document.createElement("option");
            option.value = value;
            option.label = label;
            return option;
        }));
    }

    function normalise(field, kind, values) {
        offer(field, kind, values);
        if (kind === "keyword" && values.length) {
            field.value = values[0].value;
        }
    }

    document.addEventListener("input", (event) => {
        if (event.target.matches(VALUE)) {
            clearTimeout(timers.get(event.target));
            timers.set(event.target, setTimeout(() => ask(event.target, offer), WAIT));
        }
    });
    document.addEventListener("change", (event) => {
        const field = valueOf(event.target);
        if (field) {
            clearTimeout(timers.get(field));
            ask(field, normalise);
        }
    });
}
