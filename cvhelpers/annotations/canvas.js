// The labelling canvas: drag a box, or click corners and close with Enter or a click on the first one.
const SVG = "http://www.w3.org/2000/svg";
const COLORS = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"];
const add = (parent, tag, attributes, namespace) => {
  const node = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return parent.appendChild(node);
};

function render({ model, el }) {
  let name = model.get("names")[0], chosen = -1, corners = [], start = null, here = null;
  const bar = add(el, "div", { class: "cvhelpers-bar" });
  const stage = add(el, "div", { class: "cvhelpers-stage", tabindex: 0 });
  const image = add(stage, "img", { draggable: "false", alt: "the photograph to label" });
  const drawing = add(stage, "svg", {}, SVG);
  add(el, "small", {}).textContent =
    "Box: drag. Outline: click corner after corner; Enter, or a click on the first, closes it. " +
    "Keys 1 to 9: name. Click on a thing, then Delete: takes it out. Escape: forgets the open outline.";

  const shapes = () => model.get("shapes");
  const keep = (list) => { model.set("shapes", list); model.save_changes(); draw(); };
  const place = (event) => {
    const box = image.getBoundingClientRect();
    const inside = (value, low, size, pixels) => Math.min(Math.max((value - low) / size, 0), 1) * pixels;
    return [inside(event.clientX, box.left, box.width, image.naturalWidth),
            inside(event.clientY, box.top, box.height, image.naturalHeight)];
  };
  const near = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) < 10 * image.naturalWidth / image.clientWidth;
  const finish = (kind, points) => {
    keep([...shapes(), { label: name, shape_type: kind, points }]);
    corners = []; chosen = -1; draw();
  };
  const outline = (points, kind) => kind !== "rectangle" ? points : [points[0], [points[1][0], points[0][1]], points[1], [points[0][0], points[1][1]]];

  function draw() {
    bar.replaceChildren();
    model.get("names").forEach((one, i) => {
      const button = add(bar, "button", { class: one === name ? "on" : "", style: `border-color:${COLORS[i % 7]}` });
      button.textContent = `${i + 1} ${one}`;
      button.onclick = () => { name = one; draw(); stage.focus(); };
    });
    drawing.replaceChildren();
    drawing.setAttribute("viewBox", `0 0 ${image.naturalWidth || 1} ${image.naturalHeight || 1}`);
    const width = 2.5 * (image.naturalWidth || 1) / (image.clientWidth || 1);
    shapes().forEach((shape, i) => {
      const color = COLORS[Math.max(0, model.get("names").indexOf(shape.label)) % 7];
      const points = outline(shape.points, shape.shape_type);
      const node = add(drawing, "polygon", { points: points.join(" "), fill: color, "fill-opacity": i === chosen ? 0.6 : 0.25, stroke: color, "stroke-width": width }, SVG);
      node.dataset.shape = i;
      add(drawing, "text", { x: points[0][0], y: points[0][1], "font-size": 7 * width }, SVG).textContent = shape.label;
    });
    const open = corners.length ? [...corners, ...(here ? [here] : [])] : start && here ? outline([start, here], "rectangle") : [];
    if (open.length) add(drawing, corners.length ? "polyline" : "polygon", { points: open.join(" "), fill: "none", stroke: "yellow", "stroke-width": width }, SVG);
  }

  stage.onpointerdown = (event) => { start = place(event); stage.focus(); event.preventDefault(); };
  stage.onpointermove = (event) => { here = place(event); if (start || corners.length) draw(); };
  stage.onpointerup = (event) => {
    const end = place(event), from = start;
    start = null;
    if (!from) return;
    if (!near(from, end) && !corners.length) return finish("rectangle", [from, end]);
    if (corners.length > 2 && near(corners[0], end)) return finish("polygon", corners);
    const on = event.target.dataset ? event.target.dataset.shape : undefined;
    if (!corners.length && on !== undefined) chosen = +on; else corners = [...corners, end];
    draw();
  };
  stage.onkeydown = (event) => {
    const number = +event.key;
    if (number >= 1 && number <= model.get("names").length) name = model.get("names")[number - 1];
    else if (event.key === "Enter" && corners.length > 2) return event.stopPropagation(), event.preventDefault(), finish("polygon", corners);
    else if (event.key === "Escape") corners = [];
    else if ((event.key === "Delete" || event.key === "Backspace") && chosen >= 0) { const gone = chosen; chosen = -1; keep(shapes().filter((_, i) => i !== gone)); }
    else return;
    event.preventDefault(); event.stopPropagation(); draw();
  };
  const load = () => { corners = []; chosen = -1; image.src = model.get("image"); };
  image.onload = draw;
  model.on("change:image", load);
  model.on("change:shapes", draw);
  draw();
  load();
}
export default { render };
