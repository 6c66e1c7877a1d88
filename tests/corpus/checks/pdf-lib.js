import { PDFDocument } from "pdf-lib";
import { equal } from "../support.js";

export default async function () {
  const document = await PDFDocument.create();
  document.addPage().drawText("hi");
  const bytes = await document.save();
  equal((await PDFDocument.load(bytes)).getPageCount(), 1);
}
