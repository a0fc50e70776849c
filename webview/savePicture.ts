/** The bit map as a file of its own: colours resolved, nothing that needs this page's style sheets. */
import { h, s } from './dom';

const PROPERTIES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linejoin',
  'stroke-linecap',
  'stroke-opacity',
  'paint-order',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
] as const;

/** A copy of the picture with a background and a title, every style that matters written into the elements. */
export function standaloneSvg(picture: SVGSVGElement, title: string, document: Document): SVGSVGElement {
  const copy = picture.cloneNode(true) as SVGSVGElement;
  const originals = [picture, ...picture.querySelectorAll<SVGElement>('*')];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>('*')];
  originals.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const property of PROPERTIES) {
      const value = style.getPropertyValue(property);
      if (value !== '') copies[i].setAttribute(property, value);
    }
    copies[i].removeAttribute('class');
  });
  const width = Number(picture.getAttribute('width'));
  const height = Number(picture.getAttribute('height'));
  const head = 30;
  const style = getComputedStyle(document.body);
  copy.removeAttribute('aria-hidden');
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('role', 'img');
  copy.setAttribute('height', String(height + head));
  copy.setAttribute('viewBox', `0 ${-head} ${width} ${height + head}`);
  copy.prepend(
    s(document, 'title', {}, title),
    s(document, 'rect', { x: 0, y: -head, width, height: height + head, fill: style.backgroundColor }),
    s(
      document,
      'text',
      {
        x: 14,
        y: -10,
        fill: style.color,
        'font-family': style.fontFamily,
        'font-size': 14,
        'font-weight': 600,
      },
      title,
    ),
  );
  return copy;
}

export function svgBytes(svg: SVGSVGElement): Uint8Array {
  return new TextEncoder().encode(new XMLSerializer().serializeToString(svg));
}

/** The same drawn at `scale` device pixels per pixel. @throws Error where the browser cannot draw it */
export async function pngBytes(svg: SVGSVGElement, scale: number, document: Document): Promise<Uint8Array> {
  const image = new Image();
  const text = new XMLSerializer().serializeToString(svg);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = h(document, 'canvas', {
    width: Math.round(Number(svg.getAttribute('width')) * scale),
    height: Math.round(Number(svg.getAttribute('height')) * scale),
  });
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
  if (!blob) throw new Error('The picture is too large to be saved as PNG; save it as SVG.');
  return new Uint8Array(await blob.arrayBuffer());
}
