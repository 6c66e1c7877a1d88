//! `atoll:native/clone`: the structured-clone codec. See `crate::clone`.

use rquickjs::{Array, Ctx, Exception, Function, Object, Result, TypedArray, Value};

use crate::clone::{decode, encode, learn_classes};

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("learnClasses", Function::new(ctx.clone(), learn_classes)?)?;
    exports.set("clone", Function::new(ctx.clone(), clone)?)?;
    exports.set("serialize", Function::new(ctx.clone(), serialize)?)?;
    exports.set("deserialize", Function::new(ctx.clone(), deserialize)?)?;
    Ok(exports)
}

/// `clone(codec, value, transfer, move)`: a copy. `move` is called between the two halves with `transfer`, and gives the
/// buffers that take the place of the transferred ones.
fn clone<'js>(
    ctx: Ctx<'js>,
    codec: Array<'js>,
    value: Value<'js>,
    transfer: Option<Array<'js>>,
    move_buffers: Option<Function<'js>>,
) -> Result<Value<'js>> {
    let session = Value::new_undefined(ctx.clone());
    let bytes = encode(&ctx, &codec, &value, transfer.as_ref(), &session)?;
    let moved = match (transfer, move_buffers) {
        (Some(transfer), Some(move_buffers)) => {
            Some(move_buffers.call::<_, Array<'js>>((transfer,))?)
        }
        _ => None,
    };
    decode(&ctx, &codec, &bytes, moved.as_ref(), &session)
}

/// `serialize(codec, value, transfer, session)`: a Uint8Array.
fn serialize<'js>(
    ctx: Ctx<'js>,
    codec: Array<'js>,
    value: Value<'js>,
    transfer: Option<Array<'js>>,
    session: Value<'js>,
) -> Result<TypedArray<'js, u8>> {
    let bytes = encode(&ctx, &codec, &value, transfer.as_ref(), &session)?;
    TypedArray::new_copy(ctx, bytes)
}

/// `deserialize(codec, bytes, transferred, session)`.
fn deserialize<'js>(
    ctx: Ctx<'js>,
    codec: Array<'js>,
    bytes: Value<'js>,
    transferred: Option<Array<'js>>,
    session: Value<'js>,
) -> Result<Value<'js>> {
    let bytes = TypedArray::<u8>::from_value(bytes)
        .map_err(|_| Exception::throw_type(&ctx, "serialized values are bytes in a Uint8Array"))?;
    // Copied, since decoding runs code that can reach the array.
    let copy = crate::native::bytes::with_bytes(&bytes, <[u8]>::to_vec);
    decode(&ctx, &codec, &copy, transferred.as_ref(), &session)
}
