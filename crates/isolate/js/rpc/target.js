import { defineInterface } from "../webidl.js";

/** What extends it is passed to other Workers as a stub. */
export class RpcTarget {}
defineInterface(RpcTarget);
