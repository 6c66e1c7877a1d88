//! Bounds on everything that crosses the boundary. Passing one is an error with a name.

/// The longest frame that either side accepts, in bytes. A 32 MiB WebSocket message fits.
pub const MAX_FRAME_BYTES: usize = 34 * 1024 * 1024;

/// The largest piece of a stream in one `Data` frame, in bytes.
pub const MAX_CHUNK_BYTES: usize = 256 * 1024;

/// How many bytes of a stream may be under way before the reader has granted more.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// The largest body that travels inside its request or response frame instead of as a stream, in bytes.
pub const MAX_INLINE_BODY_BYTES: usize = 64 * 1024;

/// The most headers in one request or response.
pub const MAX_HEADERS: usize = 512;

/// The most bytes of all header names and values in one request or response.
pub const MAX_HEADER_BYTES: usize = 8 * 1024 * 1024;

/// The longest URL in a request, in bytes.
pub const MAX_URL_BYTES: usize = 64 * 1024;

/// The longest WebSocket message that reaches a worker, in bytes (Workers: 32 MiB).
pub const MAX_SOCKET_MESSAGE_BYTES: usize = 32 * 1024 * 1024;

/// The most streams, calls and sockets each that one isolate may have open.
pub const MAX_OPEN_PER_ISOLATE: usize = 16 * 1024;

/// Calls of objects in the same isolate that one event makes without the host. Further ones go through it.
pub const MAX_CALLS_INSIDE: u32 = 1000;

/// Such calls of one isolate that are under way at a time and outlast a turn. Further ones go through the host.
pub const MAX_OPEN_INSIDE: usize = 16 * 1024;

/// The longest log line that an isolate may send, in bytes; longer ones are cut (Workers: 256 KB a request).
pub const MAX_LOG_BYTES: usize = 256 * 1024;

/// The most bytes that may wait to be written to one isolate before it counts as stuck.
pub const MAX_OUTBOX_BYTES: usize = 128 * 1024 * 1024;

/// The most bytes that one turn of an isolate may send, as they leave together: passing it is passing the memory limit.
pub const MAX_UNSENT_BYTES: usize = 64 * 1024 * 1024;

/// The most bytes of one isolate that the host holds for those who read its streams and WebSockets and answer its calls.
pub const MAX_HELD_BYTES: usize = 256 * 1024 * 1024;

/// The most bytes that wait for the reader of one WebSocket before it is closed as too slow.
pub const MAX_SOCKET_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Memory of one isolate's JavaScript heap unless set otherwise, in bytes (Workers: 128 MB).
pub const DEFAULT_MEMORY_BYTES: u64 = 128 * 1024 * 1024;

/// CPU time of one event unless set otherwise, in milliseconds (Workers: 30 s).
pub const DEFAULT_CPU_MS: u32 = 30_000;

/// Time for the top level of a worker from a string to evaluate, in milliseconds of CPU (Workers: 1 s).
pub const STARTUP_CPU_MS: u32 = 1_000;

/// The same for a worker that is deployed: the top level of large packages is interpreted, which takes more than a second on
/// slow machines (Workers: 1 s, of an engine that compiles).
pub const DEPLOYED_STARTUP_CPU_MS: u32 = 10_000;

/// Subrequests of one event unless set otherwise (Workers: 10,000 on the paid plan).
pub const DEFAULT_SUBREQUESTS: u32 = 10_000;

/// The longest arguments or result of a method call, in bytes (Workers: 32 MiB).
pub const MAX_RPC_BYTES: usize = 32 * 1024 * 1024;

/// The most names in the path of one call (Workers: 64).
pub const MAX_RPC_PATH: usize = 64;

/// The most capabilities and streams that one value may refer to.
pub const MAX_RPC_REFERENCES: usize = 1000;

/// Capabilities that one isolate may hold beside those that it was made with.
pub const MAX_CAPABILITIES: usize = 64 * 1024;

/// The most bytes of the `env` of a dynamic worker (Workers: 1 MiB).
pub const MAX_CODE_ENV_BYTES: usize = 1024 * 1024;

/// The most bytes of all modules of a dynamic worker (Workers: 64 MiB).
pub const MAX_CODE_BYTES: usize = 32 * 1024 * 1024;

/// The most bytes that those learn who follow a worker about one of its events (Workers: 256 KB).
pub const MAX_TRACE_BYTES: usize = 256 * 1024;

/// Who can follow one worker.
pub const MAX_TAILS: usize = 10;

/// Events of one worker that those who follow it are just told of; more are not told.
pub const MAX_TRACES_UNDER_WAY: usize = 64;

/// The longest name of a dynamic worker, in bytes.
pub const MAX_CODE_NAME_BYTES: usize = 1024;

/// Dynamic workers with names that one loader keeps; those that nobody used for longest go first.
pub const MAX_NAMED_WORKERS: usize = 256;

/// Processes of dynamic workers that one host has at a time.
pub const MAX_DYNAMIC_WORKERS: usize = 1000;

/// The most bytes of the files of one build, and of the packages that belong to it.
pub const MAX_BUILD_BYTES: usize = 64 * 1024 * 1024;

/// The most bytes that one build gives.
pub const MAX_BUILD_REPLY_BYTES: usize = 64 * 1024 * 1024;

/// The most files of one build, those of packages included.
pub const MAX_BUILD_FILES: usize = 50_000;

/// The longest path of such a file, in bytes.
pub const MAX_BUILD_PATH_BYTES: usize = 1024;

/// The most folders in such a path.
pub const MAX_BUILD_DEPTH: usize = 64;

/// How long one build may take, in milliseconds.
pub const MAX_BUILD_MS: u32 = 30_000;

/// Memory that one build may use, in bytes.
pub const MAX_BUILD_MEMORY_BYTES: u64 = 1024 * 1024 * 1024;

/// The most bytes of all files that an isolate transforms itself, without bundling them; more are for a process of their own.
pub const MAX_HERE_BYTES: usize = 512 * 1024;

/// The most files of that kind.
pub const MAX_HERE_FILES: usize = 256;

/// How deep one of them may nest, by a bound that its words and signs give.
pub const MAX_HERE_NESTING: usize = 2500;

/// Packages of one build that may be asked for by name.
pub const MAX_BUILD_DEPENDENCIES: usize = 256;

/// Packages of one build, those that others depend on included.
pub const MAX_BUILD_PACKAGES: usize = 1000;

/// How long finding the packages of one build may take, in milliseconds.
pub const MAX_INSTALL_MS: u32 = 60_000;

/// Sets of packages that are found at a time.
pub const MAX_INSTALLS: usize = 4;

/// The most bytes of what registries say about the packages of one build.
pub const MAX_BUILD_PACKUMENT_BYTES: u64 = 128 * 1024 * 1024;

/// Builds that may wait for their turn.
pub const MAX_WAITING_BUILDS: usize = 256;

/// The most bytes of packages that are kept in memory, for builds that want the same ones.
pub const MAX_KEPT_PACKAGES_BYTES: usize = 128 * 1024 * 1024;

/// The most bytes of results of builds that are kept.
pub const MAX_KEPT_BUILDS_BYTES: usize = 128 * 1024 * 1024;

/// The most bytes of page changes in one frame; longer commits go in several.
pub const MAX_COMMIT_BYTES: usize = 16 * 1024 * 1024;

/// Objects that may be open in one isolate at once.
pub const MAX_OBJECTS_PER_ISOLATE: usize = 16 * 1024;

/// The longest name that an object's id can be made from, in bytes (Workers: 1,024).
pub const MAX_OBJECT_NAME_BYTES: usize = 1024;

/// The longest name of a facet, in bytes (Workers: 256).
pub const MAX_FACET_NAME_BYTES: usize = 256;

/// The longest `ctx.id` of a facet that is a string, in bytes.
pub const MAX_FACET_ID_BYTES: usize = 1024;

/// How many objects there may be one inside the other, the outermost included (Workers: 4).
pub const MAX_FACET_DEPTH: u8 = 4;

/// The most facets that an object has, those of its facets included (Workers: 65,536).
pub const MAX_FACETS_PER_OBJECT: usize = 65_536;

/// Storage of one object unless set otherwise, in bytes (Workers: 10 GB).
pub const DEFAULT_OBJECT_BYTES: u64 = 10 * 1000 * 1000 * 1000;

/// WebSockets that the host keeps for one object (Workers: 32,768).
pub const MAX_SOCKETS_PER_OBJECT: usize = 32 * 1024;

/// Messages of one such socket whose handlers are under way at a time. More wait until one is over.
pub const MAX_SOCKET_HANDLERS: u32 = 16;

/// Bytes of messages of one such socket whose handlers are under way at a time.
pub const MAX_SOCKET_HANDLED_BYTES: u32 = 1024 * 1024;

/// Tags of one such socket (Workers: 10).
pub const MAX_TAGS: usize = 10;

/// The longest tag, in bytes (Workers: 256).
pub const MAX_TAG_BYTES: usize = 256;

/// What can be attached to one such socket, in bytes (Workers: 16,384).
pub const MAX_ATTACHMENT_BYTES: usize = 16 * 1024;

/// The longest message that is answered without the object, and the longest answer, in bytes (Workers: 2,048).
pub const MAX_AUTO_RESPONSE_BYTES: usize = 2048;
