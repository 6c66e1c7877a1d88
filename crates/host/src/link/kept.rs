//! WebSockets that change hands: passed on, or kept by the host for objects.

use std::sync::Arc;

use protocol::limits::MAX_OPEN_PER_ISOLATE;
use protocol::{ObjectNumber, SocketId, SocketPart, SocketRef};

use super::{Link, sockets};
use crate::objects::Slot;
use crate::socket::SocketEnd;

impl Link {
    /// Gives a socket to the isolate. Nothing is read from it until the isolate listens.
    pub(super) fn offer_socket(&self, end: SocketEnd) -> Option<SocketId> {
        let mut state = self.lock();
        if state.sockets.len() + state.unheard.len() >= MAX_OPEN_PER_ISOLATE {
            return None;
        }
        let number = state.next_socket();
        state.unheard.insert(number, end);
        Some(number)
    }

    pub(super) fn listen(self: &Arc<Self>, socket: SocketId) -> Result<(), String> {
        let end = self.lock().unheard.remove(&socket);
        let end = end.ok_or("a WebSocket that is not to be listened to")?;
        self.connect_socket(SocketRef::Host(socket), end)
    }

    /// The other end of a socket that the isolate gives away in a response.
    pub(super) fn given_away(self: &Arc<Self>, socket: SocketRef) -> Result<SocketEnd, String> {
        match socket {
            SocketRef::Host(id) => {
                let end = self.lock().unheard.remove(&id);
                end.ok_or_else(|| "a WebSocket that it does not have".to_owned())
            }
            SocketRef::Isolate(id) => {
                let offered = self.lock().offered.remove(&id);
                offered.map_or_else(|| self.open_socket(socket), Ok)
            }
        }
    }

    /// The place of an object that lives here, or did until a moment ago.
    pub(super) fn slot_of(&self, object: ObjectNumber) -> Result<Option<Arc<Slot>>, String> {
        let state = self.lock();
        if object == 0 || object > state.last_object {
            return Err("a frame of no object".to_owned());
        }
        let living = state.objects.get(&object).map(|living| &living.slot);
        Ok(living.or_else(|| state.left.get(&object)).cloned())
    }

    /// Keeps a socket for an object.
    pub(super) fn accept_socket(
        &self,
        object: ObjectNumber,
        end: SocketId,
        socket: SocketId,
        tags: &[&str],
        attachment: Option<&[u8]>,
    ) -> Result<(), String> {
        let Some(slot) = self.slot_of(object)? else {
            return Ok(());
        };
        {
            let state = self.lock();
            if state.offered.len() >= MAX_OPEN_PER_ISOLATE {
                return Err("too many WebSockets".to_owned());
            }
            if state.offered.contains_key(&end)
                || state.sockets.contains_key(&SocketRef::Isolate(end))
            {
                return Err("a WebSocket number that is in use".to_owned());
            }
        }
        let far = slot.accept(socket, tags, attachment)?;
        self.lock().offered.insert(end, far);
        Ok(())
    }

    /// Sends the same on several sockets that are kept for an object.
    pub(super) fn cast(
        &self,
        object: ObjectNumber,
        sockets: &[SocketId],
        part: SocketPart<'_>,
    ) -> Result<(), String> {
        let message = sockets::message(part)?;
        if let Some(slot) = self.slot_of(object)? {
            slot.cast(sockets, &message);
        }
        Ok(())
    }
}
