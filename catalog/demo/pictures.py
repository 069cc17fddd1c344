"""Pictures of products, drawn as SVG from a kind and a hue, without files or the database."""

# Each drawing fills a square of 100 by 100. {d}, {m} and {l} are the dark, middle and light shade of the hue.
_DRAWINGS = {
    "pen": """<g transform="rotate(45 50 50)"><rect x="45" y="14" width="10" height="56" rx="3" fill="{m}"/>
        <path d="M45 70h10l-5 16z" fill="{l}"/><path d="M48.6 81.5h2.8l-1.4 4.5z" fill="{d}"/>
        <rect x="45" y="14" width="10" height="9" rx="3" fill="{d}"/><rect x="55" y="18" width="3" height="24" fill="{d}"/></g>""",
    "marker": """<g transform="rotate(35 50 50)"><rect x="41" y="34" width="18" height="52" rx="4" fill="{m}"/>
        <rect x="41" y="56" width="18" height="16" fill="{l}"/><path d="M43 34h14l-3-10h-8z" fill="{d}"/>
        <path d="M46 24h8v-9l-8 4z" fill="{m}"/></g>""",
    "board": """<rect x="14" y="22" width="72" height="48" rx="3" fill="{d}"/><rect x="18" y="26" width="64" height="40" fill="#fff"/>
        <path d="M26 56l12-14 10 8 16-16" fill="none" stroke="{m}" stroke-width="4" stroke-linecap="round"/>
        <rect x="34" y="70" width="32" height="5" rx="2" fill="{m}"/>""",
    "pad": """<rect x="28" y="28" width="48" height="48" fill="{d}" opacity=".35"/><path d="M24 22h50v36L60 74H24z" fill="{l}"/>
        <path d="M74 58H60v16z" fill="{m}"/><path d="M32 36h32M32 45h32M32 54h20" stroke="{d}" stroke-width="3"/>""",
    "notebook": """<rect x="28" y="16" width="48" height="68" rx="4" fill="{m}"/><rect x="28" y="16" width="11" height="68" rx="4" fill="{d}"/>
        <rect x="46" y="28" width="22" height="14" rx="2" fill="#fff"/><path d="M22 26h10M22 38h10M22 50h10M22 62h10M22 74h10"
        stroke="{d}" stroke-width="3" stroke-linecap="round"/>""",
    "paper": """<path d="M20 62l30 14 30-14v10L50 86 20 72z" fill="{d}"/><path d="M20 50l30 14 30-14v12L50 76 20 62z" fill="{m}"/>
        <path d="M20 40l30-14 30 14v10L50 64 20 50z" fill="#fff" stroke="{m}" stroke-width="2"/>""",
    "envelope": """<rect x="14" y="28" width="72" height="46" rx="3" fill="{l}" stroke="{d}" stroke-width="3"/>
        <path d="M15 30l35 26 35-26" fill="none" stroke="{d}" stroke-width="3"/><circle cx="50" cy="54" r="6" fill="{m}"/>""",
    "box": """<path d="M50 16l32 15v36L50 84 18 67V31z" fill="{m}"/><path d="M50 46l32-15L50 16 18 31z" fill="{l}"/>
        <path d="M50 46v38l32-17V31z" fill="{d}"/><path d="M34 23.5l32 15v10" fill="none" stroke="#fff" stroke-width="4"/>""",
    "tape": """<circle cx="46" cy="50" r="30" fill="{m}"/><circle cx="46" cy="50" r="21" fill="{l}"/><circle cx="46" cy="50" r="15" fill="{d}"/>
        <path d="M46 80h40v-8H60z" fill="{m}"/>""",
    "label": """<path d="M18 34h42l22 16-22 16H18z" fill="{m}"/><circle cx="66" cy="50" r="4" fill="#fff"/>
        <path d="M26 44h26M26 55h18" stroke="#fff" stroke-width="4" stroke-linecap="round"/>""",
    "labeler": """<rect x="24" y="22" width="52" height="58" rx="8" fill="{m}"/><rect x="31" y="29" width="38" height="14" rx="2" fill="{l}"/>
        <g fill="#fff"><circle cx="36" cy="54" r="3"/><circle cx="45.5" cy="54" r="3"/><circle cx="55" cy="54" r="3"/><circle cx="64.5" cy="54" r="3"/>
        <circle cx="36" cy="66" r="3"/><circle cx="45.5" cy="66" r="3"/><circle cx="55" cy="66" r="3"/><circle cx="64.5" cy="66" r="3"/></g>
        <path d="M40 22v-8h30v8" fill="#fff" stroke="{d}" stroke-width="2"/>""",
    "calculator": """<rect x="26" y="14" width="48" height="72" rx="6" fill="{d}"/><rect x="33" y="21" width="34" height="15" rx="2" fill="{l}"/>
        <g fill="{m}"><rect x="33" y="43" width="9" height="9" rx="2"/><rect x="45.5" y="43" width="9" height="9" rx="2"/>
        <rect x="58" y="43" width="9" height="9" rx="2"/><rect x="33" y="56" width="9" height="9" rx="2"/><rect x="45.5" y="56" width="9" height="9" rx="2"/>
        <rect x="33" y="69" width="9" height="9" rx="2"/><rect x="45.5" y="69" width="9" height="9" rx="2"/></g>
        <rect x="58" y="56" width="9" height="22" rx="2" fill="#fff"/>""",
    "printer": """<rect x="32" y="16" width="36" height="24" fill="#fff" stroke="{d}" stroke-width="2"/><rect x="16" y="36" width="68" height="32" rx="5" fill="{m}"/>
        <rect x="28" y="56" width="44" height="26" fill="#fff" stroke="{d}" stroke-width="2"/><circle cx="75" cy="45" r="3" fill="{l}"/>
        <path d="M35 65h30M35 73h20" stroke="{m}" stroke-width="3"/>""",
    "cartridge": """<path d="M20 38h48l12 10v28H20z" fill="{m}"/><rect x="20" y="28" width="40" height="12" rx="2" fill="{d}"/>
        <rect x="29" y="50" width="30" height="16" rx="2" fill="#fff"/><path d="M44 53c4 5 4 9 0 10-4-1-4-5 0-10z" fill="{d}"/>""",
    "shredder": """<rect x="22" y="30" width="56" height="50" rx="5" fill="{m}"/><rect x="18" y="24" width="64" height="14" rx="4" fill="{d}"/>
        <rect x="34" y="10" width="32" height="20" fill="#fff" stroke="{m}" stroke-width="2"/><rect x="30" y="46" width="40" height="26" rx="3" fill="{l}"/>
        <path d="M37 48v16M44 48v21M51 48v14M58 48v20" stroke="{d}" stroke-width="2"/>""",
    "phone": """<rect x="18" y="38" width="64" height="44" rx="6" fill="{m}"/><rect x="18" y="20" width="20" height="60" rx="9" fill="{d}"/>
        <rect x="46" y="45" width="28" height="10" rx="2" fill="{l}"/><g fill="#fff"><circle cx="50" cy="63" r="3"/><circle cx="60" cy="63" r="3"/>
        <circle cx="70" cy="63" r="3"/><circle cx="50" cy="73" r="3"/><circle cx="60" cy="73" r="3"/><circle cx="70" cy="73" r="3"/></g>""",
    "headset": """<path d="M22 58V48a28 28 0 0 1 56 0v10" fill="none" stroke="{d}" stroke-width="6"/><rect x="15" y="52" width="16" height="26" rx="7" fill="{m}"/>
        <rect x="69" y="52" width="16" height="26" rx="7" fill="{m}"/><path d="M77 78c0 8-8 10-18 10" fill="none" stroke="{d}" stroke-width="4"/>
        <circle cx="56" cy="88" r="4" fill="{d}"/>""",
    "folder": """<path d="M16 28h24l6 8h38v42H16z" fill="{d}"/><rect x="24" y="32" width="52" height="30" fill="#fff"/>
        <path d="M16 44h68v34a4 4 0 0 1-4 4H20a4 4 0 0 1-4-4z" fill="{m}"/>""",
    "binder": """<rect x="24" y="14" width="52" height="72" rx="4" fill="{m}"/><rect x="24" y="14" width="15" height="72" rx="4" fill="{d}"/>
        <circle cx="31.5" cy="70" r="5" fill="{l}"/><rect x="47" y="28" width="21" height="26" rx="2" fill="#fff"/>
        <path d="M51 36h13M51 44h9" stroke="{m}" stroke-width="3"/>""",
    "stapler": """<path d="M14 68h70v8H14z" fill="{d}"/><path d="M18 60l58-24c8-2 10 6 8 12L26 66z" fill="{m}"/>
        <path d="M20 62h44v5H20z" fill="{l}"/><circle cx="76" cy="60" r="7" fill="{d}"/>""",
    "scissors": """<path d="M38 60L70 14M62 60L30 14" stroke="{l}" stroke-width="8" stroke-linecap="round"/>
        <path d="M38 60L70 14M62 60L30 14" stroke="{d}" stroke-width="2"/><circle cx="33" cy="71" r="12" fill="none" stroke="{m}" stroke-width="7"/>
        <circle cx="67" cy="71" r="12" fill="none" stroke="{m}" stroke-width="7"/>""",
    "organizer": """<path d="M36 18v30M46 12v36" stroke="{d}" stroke-width="5" stroke-linecap="round"/><path d="M60 16h8v32h-8z" fill="{l}" stroke="{d}"/>
        <path d="M22 44h34v40H22z" fill="{m}"/><path d="M56 56h24v28H56z" fill="{d}"/><path d="M22 44h34v7H22z" fill="{l}" opacity=".6"/>""",
    "lamp": """<path d="M30 84V54L58 28" fill="none" stroke="{d}" stroke-width="5" stroke-linejoin="round"/><path d="M50 18l24 24 6-18-12-12z" fill="{m}"/>
        <path d="M54 46l14-4 12 32H46z" fill="#ffe9a8" opacity=".75"/><rect x="16" y="80" width="30" height="7" rx="3" fill="{d}"/><circle cx="30" cy="54" r="4" fill="{m}"/>""",
    "chair": """<rect x="32" y="12" width="36" height="38" rx="8" fill="{m}"/><rect x="28" y="54" width="44" height="11" rx="5" fill="{d}"/>
        <path d="M50 65v12M30 86l20-9 20 9" fill="none" stroke="{d}" stroke-width="5" stroke-linecap="round"/>
        <path d="M24 42v16M76 42v16" stroke="{l}" stroke-width="5" stroke-linecap="round"/>""",
}
KINDS = frozenset(_DRAWINGS)


def draw(kind: str, hue: int | None) -> str:
    """An SVG of 400 by 400 on a light background of the same ``hue`` (0 to 359), or grey. Raises KeyError for an unknown
    kind."""

    def shade(saturation: int, lightness: int) -> str:
        return f"hsl({hue or 0} {0 if hue is None else saturation}% {lightness}%)"

    drawing = _DRAWINGS[kind].format(d=shade(45, 28), m=shade(55, 48), l=shade(60, 78))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400" viewBox="0 0 100 100">'
        f'<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="{shade(40, 98)}"/>'
        f'<stop offset="1" stop-color="{shade(35, 90)}"/></linearGradient></defs>'
        f'<rect width="100" height="100" fill="url(#g)"/>{drawing}</svg>'
    )
