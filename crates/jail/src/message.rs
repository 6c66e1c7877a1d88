//! Bytes over Unix sockets together with a descriptor, or with the word of the kernel on who sent
//! them.
#![expect(
    unsafe_code,
    reason = "control messages have no stable interface in std"
)]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use libc::{c_int, pid_t};

use crate::system::{check, retry};

/// Sends all of `bytes`, the first of them together with `descriptor`.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut sent = 0;
    if let Some(descriptor) = descriptor {
        sent = retry(|| send_with_descriptor(socket, bytes, descriptor))?;
    }
    while sent < bytes.len() {
        let rest = &bytes[sent..];
        // SAFETY: the pointer and length are those of a live slice, which the kernel only reads.
        sent += retry(|| {
            let count = unsafe {
                libc::send(
                    socket.as_raw_fd(),
                    rest.as_ptr().cast(),
                    rest.len(),
                    libc::MSG_NOSIGNAL,
                )
            };
            usize::try_from(count).map_err(|_| io::Error::last_os_error())
        })?;
    }
    Ok(())
}

/// Room for one control message of at most 64 bytes of payload, aligned as its header needs.
#[repr(C, align(8))]
struct ControlBuffer([u8; 64]);

/// A message header over one buffer, with room for control data.
fn header(bytes: &mut libc::iovec, control: &mut ControlBuffer, room: usize) -> libc::msghdr {
    debug_assert!(room <= size_of::<ControlBuffer>());
    // SAFETY: all-zero is a valid `msghdr`: null pointers with zero lengths.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = bytes;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = room as _;
    header
}

/// Sends some of `bytes`, the first of them together with `descriptor`, and says how many. On a socket that does not
/// block, [`io::ErrorKind::WouldBlock`] means that neither went.
///
/// # Errors
/// What the kernel says.
pub fn send_with_descriptor(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
) -> io::Result<usize> {
    let mut buffer = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let mut control = ControlBuffer([0; 64]);
    // SAFETY: CMSG_SPACE only computes.
    let room = unsafe { libc::CMSG_SPACE(size_of::<RawFd>() as u32) } as usize;
    let header = header(&mut buffer, &mut control, room);
    // SAFETY: `header` points at `control`, which has room for exactly one header and one
    // descriptor, so CMSG_FIRSTHDR is not null and CMSG_DATA has room for a `RawFd`. Both outlive
    // the call, and `sendmsg` only reads through the pointers.
    let count = unsafe {
        let first = libc::CMSG_FIRSTHDR(&header);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
        libc::CMSG_DATA(first)
            .cast::<RawFd>()
            .write_unaligned(descriptor.as_raw_fd());
        libc::sendmsg(socket.as_raw_fd(), &header, libc::MSG_NOSIGNAL)
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Receives at most `bytes.len()` bytes and the descriptor that came with them. Ends early with
/// [`io::ErrorKind::Interrupted`] when a signal is handled.
///
/// # Errors
/// What the kernel says.
pub fn receive_with_descriptor(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
) -> io::Result<(usize, Option<OwnedFd>)> {
    // SAFETY: CMSG_SPACE only computes.
    let room = unsafe { libc::CMSG_SPACE(size_of::<RawFd>() as u32) } as usize;
    let (count, found, cut) = receive_control::<RawFd>(socket, bytes, room, libc::SCM_RIGHTS)?;
    if cut {
        return Err(io::Error::other(
            "a descriptor came that there was no room for",
        ));
    }
    // SAFETY: the kernel has just made this descriptor for us, so nothing else owns it.
    let descriptor = found.map(|raw| unsafe { OwnedFd::from_raw_fd(raw) });
    Ok((count, descriptor))
}

/// Receives at most `bytes.len()` bytes and the process id of their sender, as the kernel vouches
/// for it, in the receiver's process namespace. The socket must have been given to
/// [`tell_sender`] before the bytes were sent.
pub(crate) fn receive_with_sender(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
) -> io::Result<(usize, Option<pid_t>)> {
    // SAFETY: CMSG_SPACE only computes. There is no room for descriptors, so a sender can't make
    // us open any.
    let room = unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as u32) } as usize;
    let (count, found, _) =
        retry(|| receive_control::<libc::ucred>(socket, bytes, room, libc::SCM_CREDENTIALS))?;
    Ok((count, found.map(|credentials| credentials.pid)))
}

/// Receives bytes and, if the first control message is of this kind and holds a whole `T`, that. Says as well whether
/// some of what came with the bytes was dropped. `T` must be plain old data, as both callers' are.
fn receive_control<T: Copy>(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    room: usize,
    kind: c_int,
) -> io::Result<(usize, Option<T>, bool)> {
    let mut buffer = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let mut control = ControlBuffer([0; 64]);
    let mut header = header(&mut buffer, &mut control, room);
    // SAFETY: the header points at a live buffer and a live control buffer with their true sizes.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC) };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has filled `msg_controllen` bytes of `control` with whole messages, so a
    // first header, if any, is valid, and its `cmsg_len` says how much data follows it. `T` is
    // plain data, for which any bytes are valid.
    let found = unsafe {
        let first = libc::CMSG_FIRSTHDR(&header);
        let whole = libc::CMSG_LEN(size_of::<T>() as u32) as usize;
        let matches = !first.is_null()
            && (*first).cmsg_level == libc::SOL_SOCKET
            && (*first).cmsg_type == kind
            && (*first).cmsg_len as usize >= whole;
        matches.then(|| libc::CMSG_DATA(first).cast::<T>().read_unaligned())
    };
    Ok((count, found, header.msg_flags & libc::MSG_CTRUNC != 0))
}

/// Has the kernel say who sent what arrives on this socket, or stop saying so.
pub(crate) fn tell_sender(socket: &UnixStream, wanted: bool) -> io::Result<()> {
    set(socket, libc::SO_PASSCRED, c_int::from(wanted))
}

/// Lets so many bytes wait on this socket, or as many as this user may.
pub(crate) fn let_wait(socket: &UnixStream, bytes: c_int) -> io::Result<()> {
    set(socket, libc::SO_SNDBUFFORCE, bytes).or_else(|_| set(socket, libc::SO_SNDBUF, bytes))
}

/// Sets one of the socket's options whose value is an int.
fn set(socket: &UnixStream, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the option's value is an int, and the pointer and size are those of one.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of::<c_int>() as u32,
        )
    })?;
    Ok(())
}

/// Whether a descriptor is a Unix stream socket.
pub(crate) fn is_unix_stream(descriptor: BorrowedFd<'_>) -> bool {
    let option = |name| {
        let mut value: c_int = 0;
        let mut size = size_of::<c_int>() as u32;
        // SAFETY: the option's value is an int, and the pointers are those of live values.
        let result = unsafe {
            libc::getsockopt(
                descriptor.as_raw_fd(),
                libc::SOL_SOCKET,
                name,
                (&raw mut value).cast(),
                &mut size,
            )
        };
        (result == 0).then_some(value)
    };
    option(libc::SO_DOMAIN) == Some(libc::AF_UNIX)
        && option(libc::SO_TYPE) == Some(libc::SOCK_STREAM)
}

/// Reads exactly `bytes.len()` bytes, and the descriptor that comes with them.
pub(crate) fn read_exact_with_descriptor(
    socket: &UnixStream,
    bytes: &mut [u8],
) -> io::Result<Option<OwnedFd>> {
    let mut received = 0;
    let mut descriptor = None;
    while received < bytes.len() {
        let rest = &mut bytes[received..];
        let (count, found) = retry(|| receive_with_descriptor(socket.as_fd(), rest))?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        received += count;
        descriptor = descriptor.or(found);
    }
    Ok(descriptor)
}

/// Reads exactly `bytes.len()` bytes, without room for control messages, so descriptors that a
/// hostile sender attaches are dropped by the kernel.
pub(crate) fn read_exact(mut socket: &UnixStream, bytes: &mut [u8]) -> io::Result<()> {
    io::Read::read_exact(&mut socket, bytes)
}
