import { ObjectId } from "mongodb";
import { equal } from "../support.js";

export default async function () {
  equal(new ObjectId("507f1f77bcf86cd799439011").toHexString(), "507f1f77bcf86cd799439011");
}
