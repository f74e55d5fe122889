"""Turns the results of bench/run into Markdown tables and an SVG chart, which needs no library."""
from benchlib import markdown_table

NOISE_WORTH_A_WORD = 0.05
WAIT_WORTH_A_WORD = 0.03


def size_text(size):
    return "-" if size is None else "%d B" % size


def test_text(test):
    return "MSET 10" if test == "mset" else test.upper()


def verdict(value, target, met):
    if target is None:
        return "-"
    return "met" if met else "missed by %.0f %%" % (100 * (value / target - 1))


# -------------------------------------------------------------------------------------------------------- Markdown

def markdown(results):
    parts = [heading(results)]
    if results["cpu"]:
        parts += [cpu_table(results["cpu"]), remarks(results["cpu"], results["keys"])]
    if results["memory"]:
        parts += ["Bytes per item, %s items, by the growth of `used_memory`; RSS is the growth of the process.\n"
                  % "{:,}".format(results["keys"]), memory_table(results["memory"])]
    return "\n".join(part for part in parts if part) + "\n"


def heading(results):
    m = results["machine"]
    lines = []
    for name, server in sorted(results["servers"].items(), reverse=True):
        lines.append("%s: %s, %s, %s" % (name, server["title"], server["allocator"], server["poll"]))
    text = "Commit %s, %s. %s, %d cores, %d GB, Linux %s." % (
        results["commit"], results["date"], m["cpu"], m["cores"], m["memory_gb"], m["kernel"])
    if lines:
        text += " " + "; ".join(lines) + "."
    if results["server_args"]:
        text += " Our arguments: `%s`." % results["server_args"]
    text += " %d connections, %s keys, median of %d rounds.%s\n" % (
        results["connections"], "{:,}".format(results["keys"]), results["rounds"],
        "" if results["complete"] else " A partial run.")
    return text


def cpu_table(cells):
    header = ("test", "P", "value", "redis req/s", "cairn req/s", "redis p50/p99 ms", "cairn p50/p99 ms",
              "redis ns/cmd", "cairn ns/cmd", "CPU ratio", "noise", "target", "result")
    rows = []
    for cell in cells:
        redis, cairn = cell["redis"], cell["cairn"]
        rows.append((test_text(cell["test"]), cell["pipeline"], size_text(cell["size"]),
                     "{:,.0f}".format(redis["rps"]), "{:,.0f}".format(cairn["rps"]),
                     "%.3f / %.3f" % (redis["p50"], redis["p99"]), "%.3f / %.3f" % (cairn["p50"], cairn["p99"]),
                     "{:,.0f}".format(redis["ns"]), "{:,.0f}".format(cairn["ns"]), "%.2f" % cell["ratio"],
                     "±%.0f %%" % (100 * cell["noise"]),
                     "-" if cell["target"] is None else "≤ %.2f" % cell["target"],
                     verdict(cell["ratio"], cell["target"], cell["met"])))
    return markdown_table(header, rows, right=range(1, 11)) + "\n"


def remarks(cells, keys):
    """What a reader must know before he trusts a figure; empty when there is nothing."""
    said = []
    noisy = sum(cell["noise"] > NOISE_WORTH_A_WORD for cell in cells)
    waited = sum(max(cell["redis"]["waited"], cell["cairn"]["waited"]) > WAIT_WORTH_A_WORD for cell in cells)
    aimed = [cell for cell in cells if cell["target"] is not None]
    if aimed:
        said.append("%d of %d CPU targets met." % (sum(cell["met"] for cell in aimed), len(aimed)))
    for size, fewer in sorted({(cell["size"], cell["keys"]) for cell in cells if cell["keys"] < keys}):
        said.append("With %s values only %s keys fit this machine's memory." % (size_text(size), "{:,}".format(fewer)))
    if noisy:
        said.append("In %d of %d cells the rounds differ by more than ±%.0f %%." % (
            noisy, len(cells), 100 * NOISE_WORTH_A_WORD))
    if waited:
        said.append("In %d of %d cells a server waited for its core for more than %.0f %% of its time: the machine was "
                    "not idle." % (waited, len(cells), 100 * WAIT_WORTH_A_WORD))
    return " ".join(said) + "\n" if said else ""


def memory_table(rows):
    header = ("1 item", "redis B", "cairn B", "ratio", "redis RSS B", "cairn RSS B", "target B", "result")
    table = []
    for row in rows:
        target = "≤ %d" % row["target"]
        if row["skipped"]:
            table.append((row["title"], "-", "-", "-", "-", "-", target, "no %s yet" % row["skipped"]))
            continue
        redis, cairn = row["redis"], row["cairn"]
        table.append((row["title"], "%.1f" % redis["used"], "%.1f" % cairn["used"],
                      "%.2f" % (cairn["used"] / redis["used"]), "%.1f" % redis["rss"], "%.1f" % cairn["rss"], target,
                      verdict(cairn["used"], row["target"], row["met"])))
    return markdown_table(header, table, right=range(1, 7)) + "\n"


# ------------------------------------------------------------------------------------------------------------- SVG

BAR = 21  # width of a bar
GROUP_GAP = 14
PANEL_GAP = 34
LEFT, TOP, PLOT_HEIGHT, BOTTOM, RIGHT = 62, 96, 300, 66, 20
INK, SOFT, RULE, PAPER = "#1f2430", "#5b6270", "#e3e6eb", "#ffffff"
TARGET_INK = "#d1460f"
SHADES = ("#b9d2ee", "#7fb0e2", "#3f83c8", "#1d4e8f")  # small to large values
NO_SIZE = "#8f96a3"


def svg(results):
    """Bars of the CPU ratio: a panel per pipeline depth, a group per test, a bar per value size."""
    cells = results["cpu"]
    pipelines = sorted({cell["pipeline"] for cell in cells})
    tests = list(dict.fromkeys(cell["test"] for cell in cells))
    sizes = sorted({cell["size"] for cell in cells if cell["size"] is not None})
    shades = SHADES[2:] if len(sizes) == 1 else SHADES
    shade = {size: shades[min(i, len(shades) - 1)] for i, size in enumerate(sizes)}
    shade[None] = NO_SIZE
    top_value = max(1.2, *(min(cell["ratio"], 3.0) + 0.1 for cell in cells))
    bars = {test: len({c["size"] for c in cells if c["test"] == test}) for test in tests}
    group_width = {test: max(bars[test] * BAR, 56) for test in tests}
    panel = sum(group_width.values()) + GROUP_GAP * (len(tests) + 1)
    plot_width = panel * len(pipelines) + PANEL_GAP * (len(pipelines) - 1)
    width, height = max(LEFT + plot_width + RIGHT, 760), TOP + PLOT_HEIGHT + BOTTOM
    base = TOP + PLOT_HEIGHT

    def y_of(value):
        return base - PLOT_HEIGHT * min(value, top_value) / top_value

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" '
           'font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="12" fill="%s">' % (
               width, height, width, height, INK),
           "<title>Server CPU per command, cairn-server relative to redis-server</title>",
           '<rect width="100%%" height="100%%" fill="%s"/>' % PAPER,
           text(LEFT, 26, "Server CPU per command, relative to redis-server", size=16, weight="bold"),
           text(LEFT, 45, subtitle(results), fill=SOFT)]
    out += legend(sizes, shade, any(cell["size"] is None for cell in cells))

    step = 0.2 if top_value <= 1.6 else 0.5
    for i in range(int(top_value / step) + 1):
        value = i * step
        whole = abs(value - 1) < 1e-9
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="%s"/>' % (
            LEFT, LEFT + plot_width, y_of(value), y_of(value), SOFT if whole else RULE, 1.2 if whole else 1))
        out.append(text(LEFT - 8, y_of(value) + 4, "%.1f" % value, anchor="end", fill=INK if whole else SOFT))
    out.append('<text transform="translate(18 %d) rotate(-90)" text-anchor="middle" fill="%s">'
               "CPU ratio (lower is better)</text>" % (TOP + PLOT_HEIGHT / 2, SOFT))

    out.append('<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s"/>' % (LEFT, LEFT + plot_width, base, base, SOFT))

    for index, pipeline in enumerate(pipelines):
        left = LEFT + index * (panel + PANEL_GAP)
        x = left + GROUP_GAP
        for test in tests:
            group = [c for c in cells if c["test"] == test and c["pipeline"] == pipeline]
            start = x + (group_width[test] - len(group) * BAR) / 2
            for i, cell in enumerate(group):
                out += bar(start + i * BAR, cell, y_of, shade[cell["size"]], top_value)
            out.append(text(x + group_width[test] / 2, base + 18, test_text(test), anchor="middle"))
            x += group_width[test] + GROUP_GAP
        title = "no pipeline (P=1)" if pipeline == 1 else "pipeline of %d" % pipeline
        out.append(text(left + panel / 2, base + 42, title, anchor="middle", weight="bold"))
        if index:
            out.append('<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>' % (left - PANEL_GAP, TOP - 4, PANEL_GAP,
                                                                                 PLOT_HEIGHT + 10, PAPER))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def subtitle(results):
    return "Each bar: one cell of bench/run, median of %d rounds; 1.0 = redis-server. %d connections, %s keys." % (
        results["rounds"], results["connections"], "{:,}".format(results["keys"]))


def legend(sizes, shade, has_unsized):
    out, x, y = [], LEFT, 62
    entries = [(size_text(s) + " values", shade[s]) for s in sizes] + ([("INCR", NO_SIZE)] if has_unsized else [])
    for label, colour in entries:
        out.append('<rect x="%d" y="%d" width="12" height="12" fill="%s"/>' % (x, y, colour))
        out.append(text(x + 17, y + 10.5, label))
        x += 34 + 7.3 * len(label)
    out.append('<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="3"/>' % (
        x, x + 20, y + 6, y + 6, TARGET_INK))
    out.append(text(x + 26, y + 10.5, "target"))
    return out


def bar(x, cell, y_of, colour, top_value):
    """A bar with its figure, and the target's mark where there is one."""
    y, base = y_of(cell["ratio"]), y_of(0)
    shown = "%.2f" % cell["ratio"] + ("▲" if cell["ratio"] > top_value else "")
    out = ['<g><title>%s P=%d %s: %.2f (%.0f ns, redis-server %.0f ns)</title>' % (
        test_text(cell["test"]), cell["pipeline"], size_text(cell["size"]), cell["ratio"], cell["cairn"]["ns"],
        cell["redis"]["ns"]),
        '<rect x="%.1f" y="%.1f" width="%d" height="%.1f" fill="%s"/>' % (x + 1, y, BAR - 2, base - y, colour)]
    label_y = y - 4
    if cell["target"] is not None:
        mark = y_of(cell["target"])
        out.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="3"/>' % (
            x - 2, x + BAR + 2, mark, mark, TARGET_INK))
        if label_y - 9 < mark < label_y + 3:  # the figure goes above a mark that would cross it
            label_y = mark - 5
    out.append(text(x + BAR / 2, label_y, shown, anchor="middle", size=8.5, halo=PAPER) + "</g>")
    return out


def text(x, y, content, anchor="start", size=None, weight=None, fill=None, halo=None):
    more = "".join(' %s="%s"' % (key, value) for key, value in (
        ("text-anchor", anchor if anchor != "start" else None), ("font-size", size), ("font-weight", weight),
        ("fill", fill), ("paint-order", halo and "stroke"), ("stroke", halo), ("stroke-width", halo and 3))
        if value is not None)
    escaped = content.replace("&", "&amp;").replace("<", "&lt;")
    return '<text x="%.1f" y="%.1f"%s>%s</text>' % (x, y, more, escaped)
