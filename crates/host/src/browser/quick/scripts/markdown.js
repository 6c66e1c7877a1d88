// The page as Markdown (CommonMark with GitHub's tables and strikethrough), with its title in front. It runs beside the page's
// own scripts, in a world that they do not reach.
function (limit) {
  /** Stands for a line break until white space is collapsed. No page's text has it. */
  const BREAK = "\0";
  const SKIPPED = new Set(
    "SCRIPT STYLE NOSCRIPT TEMPLATE HEAD TITLE META LINK SVG CANVAS IFRAME OBJECT EMBED VIDEO AUDIO SELECT TEXTAREA DIALOG MATH".split(" "),
  );
  const BLOCKS = new Set(
    ("ADDRESS ARTICLE ASIDE BLOCKQUOTE BODY CENTER DD DETAILS DIV DL DT FIELDSET FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 H4 H5 H6 " +
      "HEADER HGROUP HR HTML LEGEND LI MAIN MENU NAV OL P PRE SEARCH SECTION SUMMARY TABLE TBODY TD TFOOT TH THEAD TR UL").split(" "),
  );
  const BLOCK_SELECTOR = [...BLOCKS].join(",").toLowerCase();

  const nameOf = (node) => node.nodeName.toUpperCase();
  const isSkipped = (node) => SKIPPED.has(nameOf(node)) || node.hidden === true || node.getAttribute("aria-hidden") === "true";
  /** What is shown inside of an element: that of its shadow, and in the place of a slot what was put there. */
  const inside = (node) => {
    if (node.shadowRoot) return node.shadowRoot.childNodes;
    const assigned = nameOf(node) === "SLOT" ? node.assignedNodes() : [];
    return assigned.length > 0 ? assigned : node.childNodes;
  };
  const holdsBlocks = (node) =>
    node.shadowRoot || nameOf(node) === "SLOT" ? Array.from(inside(node)).some(isBlock) : node.querySelector(BLOCK_SELECTOR) !== null;
  const isBlock = (node) => node.nodeType === 1 && (BLOCKS.has(nameOf(node)) || (nameOf(node) !== "A" && holdsBlocks(node)));

  const collapse = (text) => text.replace(/[ \t\n\r\f]+/g, " ");
  const escape = (text) =>
    text
      .replaceAll(BREAK, "")
      .replace(/[\\`*[\]]/g, "\\$&")
      .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
      .replace(/<(?=[a-zA-Z/!?])/g, "\\<");
  /** What would mean something else at the beginning of a line. */
  const escapeStart = (line) => line.replace(/^(#{1,6} |[-+>] ?(?=\s|$)|>|~~~|={3,}|-{3,})/, "\\$1").replace(/^(\d{1,9})([.)] )/, "$1\\$2");
  const address = (url) => url.replace(/[()<>\s]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`);

  /** Puts marks around text, but not around the white space at its ends. */
  const wrap = (text, mark) => {
    const [, start, middle, end] = /^([ \t\n\r\f\0]*)(.*?)([ \t\n\r\f\0]*)$/s.exec(text);
    return middle === "" ? text : start + mark + middle + mark + end;
  };
  const fence = (text, least, mark = "`") => {
    const longest = Math.max(0, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
    return mark.repeat(longest < least ? least : longest + 1);
  };
  const codeSpan = (text) => {
    const code = collapse(text).replaceAll(BREAK, "");
    if (code.trim() === "") return "";
    const ticks = fence(code, 1);
    const pad = code.startsWith("`") || code.endsWith("`") ? " " : "";
    return ticks + pad + code + pad + ticks;
  };
  const image = (node) => {
    const source = node.currentSrc || node.src;
    const alt = escape(collapse(node.alt ?? "").trim());
    return source === "" || source.startsWith("data:") ? alt : `![${alt}](${address(source)})`;
  };
  const link = (node) => {
    const text = inlineAll(node);
    const { href } = node;
    const isTarget = typeof href === "string" && href !== "" && node.protocol !== "javascript:";
    const shown = collapse(text.replaceAll(BREAK, " ")).trim();
    if (!isTarget || shown === "") return text;
    const [start] = /^\s*/.exec(text);
    const [end] = /\s*$/.exec(text);
    return `${start && " "}[${shown}](${address(href)})${end && " "}`;
  };

  const inlineAll = (node) => Array.from(inside(node), inline).join("");
  function inline(node) {
    if (node.nodeType === 3) return escape(node.data);
    if (node.nodeType !== 1 || isSkipped(node)) return "";
    switch (nameOf(node)) {
      case "BR":
        return BREAK;
      case "A":
        return link(node);
      case "IMG":
        return image(node);
      case "B":
      case "STRONG":
        return wrap(inlineAll(node), "**");
      case "I":
      case "EM":
        return wrap(inlineAll(node), "*");
      case "DEL":
      case "S":
        return wrap(inlineAll(node), "~~");
      case "CODE":
        return codeSpan(node.textContent);
      case "INPUT":
        if (node.type === "checkbox") return node.checked ? "[x] " : "[ ] ";
        return ["button", "submit", "reset"].includes(node.type) ? escape(node.value) : "";
      case "WBR":
        return "";
      default:
        // A block in the middle of a line is a part of it.
        return BLOCKS.has(nameOf(node)) ? ` ${inlineAll(node)} ` : inlineAll(node);
    }
  }

  /** Text on one line. */
  const line = (text) => collapse(text.replaceAll(BREAK, " ")).trim();
  /** Text as a paragraph: its own line breaks stay. */
  const paragraph = (text) => {
    const lines = collapse(text).split(BREAK).map((each) => each.trim());
    while (lines.at(-1) === "") lines.pop();
    while (lines[0] === "") lines.shift();
    return lines.map(escapeStart).join("  \n").replace(/(?: {2}\n)(?: {2}\n)+/g, "\n\n");
  };

  const indent = (text, by) => text.replace(/\n(?!\n|$)/g, `\n${by}`);
  function list(node) {
    const isOrdered = nameOf(node) === "OL";
    const items = [];
    let number = isOrdered ? node.start : 0;
    let isLoose = false;
    for (const child of inside(node)) {
      if (child.nodeType !== 1 || isSkipped(child)) continue;
      if (nameOf(child) !== "LI") {
        // A list right in a list belongs to the item before it.
        for (const block of blockOf(child)) items.push(`  ${indent(block, "  ")}`);
        continue;
      }
      const marker = isOrdered ? `${number++}. ` : "- ";
      const parts = blocks(child);
      const isSpread = Array.from(child.children).some((each) => nameOf(each) === "P") && parts.length > 1;
      isLoose ||= isSpread;
      items.push(marker + indent(parts.join(isSpread ? "\n\n" : "\n"), " ".repeat(marker.length)));
    }
    return items.length === 0 ? [] : [items.join(isLoose ? "\n\n" : "\n")];
  }

  function table(node) {
    const rows = Array.from(node.rows).filter((row) => !isSkipped(row) && row.cells.length > 0);
    const width = Math.max(0, ...rows.map((row) => row.cells.length));
    // Some tables are there for the sake of layout.
    if (width < 2 || node.querySelector("table, pre, ul, ol, h1, h2, h3, blockquote") !== null) {
      return rows.flatMap((row) => Array.from(row.cells).flatMap(blocks));
    }
    const cells = (row) => {
      const texts = Array.from(row.cells).flatMap((cell) => {
        const text = line(inlineAll(cell)).replaceAll("|", "\\|");
        return [text, ...Array(Math.min(cell.colSpan, width) - 1).fill("")];
      });
      while (texts.length < width) texts.push("");
      return `| ${texts.join(" | ")} |`;
    };
    const hasHead = node.tHead !== null || Array.from(rows[0].cells).every((cell) => nameOf(cell) === "TH");
    const head = hasHead ? cells(rows.shift()) : `|${"  |".repeat(width)}`;
    const caption = node.caption === null ? [] : blocks(node.caption);
    const columns = head.replaceAll("\\|", "").split("|").length - 2;
    return [...caption, [head, `|${" --- |".repeat(columns)}`, ...rows.map(cells)].join("\n")];
  }

  function pre(node) {
    const text = node.textContent.replace(/\n$/, "");
    const named = [node, ...node.querySelectorAll("code")].map((each) => /(?:^|\s)lang(?:uage)?-([\w+#-]+)/.exec(each.className));
    const language = named.find((match) => match !== null)?.[1] ?? "";
    const ticks = fence(text, 3);
    return `${ticks}${language}\n${text}\n${ticks}`;
  }

  /** What an element that is a block becomes. */
  function blockOf(node) {
    const name = nameOf(node);
    switch (name) {
      case "H1":
      case "H2":
      case "H3":
      case "H4":
      case "H5":
      case "H6": {
        const text = line(inlineAll(node));
        return text === "" ? [] : [`${"#".repeat(Number(name[1]))} ${text}`];
      }
      case "HR":
        return ["---"];
      case "PRE":
        return node.textContent.trim() === "" ? [] : [pre(node)];
      case "BLOCKQUOTE": {
        const text = blocks(node).join("\n\n");
        return text === "" ? [] : [text.replace(/^/gm, "> ").replace(/^> $/gm, ">")];
      }
      case "UL":
      case "OL":
      case "MENU":
        return list(node);
      case "TABLE":
        return table(node);
      default:
        return blocks(node);
    }
  }

  /** The blocks inside of an element. */
  function blocks(node) {
    const all = [];
    let open = "";
    const flush = () => {
      const text = paragraph(open);
      if (text !== "") all.push(text);
      open = "";
    };
    for (const child of inside(node)) {
      if (isBlock(child)) {
        if (isSkipped(child)) continue;
        flush();
        for (const block of blockOf(child)) all.push(block);
      } else open += inline(child);
    }
    flush();
    return all;
  }

  const described = document.querySelector("meta[name=description]")?.content ?? "";
  const front = Object.entries({ title: document.title, description: collapse(described).trim() });
  const lines = front.filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const head = lines.length === 0 ? "" : `---\n${lines.join("\n")}\n---\n\n`;
  let text;
  try {
    text = head + blocks(document.body ?? document.documentElement).join("\n\n");
  } catch (error) {
    if (error instanceof RangeError) throw new Error("the page is nested too deeply to become Markdown");
    throw error;
  }
  if (text.length > limit) throw new Error(`the page has more than ${limit} characters of Markdown`);
  return { text, title: document.title };
}
