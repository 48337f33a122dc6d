package nbd

// Magic numbers of the document.
const (
	magicServer     = 0x4e42444d41474943 // "NBDMAGIC", opens the handshake
	magicOption     = 0x49484156454f5054 // "IHAVEOPT", before every option
	magicOptReply   = 0x0003e889045565a9
	magicRequest    = 0x25609513
	magicSimple     = 0x67446698
	magicStructured = 0x668e33ef
)

// Sizes of what has a fixed one, in bytes.
const (
	requestSize    = 28
	simpleSize     = 16
	chunkSize      = 20 // head of a chunk of a structured reply
	optionHeadSize = 16
	maxName        = 4096 // of every string, as the document says
	maxOptionData  = 64 << 10
)

// Handshake flags; the server's and the client's have the same bits.
const (
	fixedNewstyle = 1 << 0
	noZeroes      = 1 << 1
)

// Transmission flags.
const (
	flagHasFlags   = 1 << 0
	flagReadOnly   = 1 << 1
	flagSendFlush  = 1 << 2
	flagSendFUA    = 1 << 3
	flagSendTrim   = 1 << 5
	flagSendZeroes = 1 << 6
	flagSendDF     = 1 << 7
	flagMultiConn  = 1 << 8
	flagSendCache  = 1 << 10
)

// Options of a client.
const (
	optExportName      = 1
	optAbort           = 2
	optList            = 3
	optStartTLS        = 5
	optInfo            = 6
	optGo              = 7
	optStructured      = 8
	optListMetaContext = 9
	optSetMetaContext  = 10
)

// Replies to an option.
const (
	repAck         = 1
	repServer      = 2
	repInfo        = 3
	repMetaContext = 4

	repErrUnsup       = 1<<31 + 1
	repErrInvalid     = 1<<31 + 3
	repErrTLSRequired = 1<<31 + 5
	repErrUnknown     = 1<<31 + 6
	repErrBlockSize   = 1<<31 + 8
	repErrTooBig      = 1<<31 + 9
)

// Items of information about an export.
const (
	infoExport      = 0
	infoName        = 1
	infoDescription = 2
	infoBlockSize   = 3
)

// The one metadata context, and its number on every connection.
const (
	allocationName = "base:allocation"
	allocationID   = 1
)

// Commands.
const (
	cmdRead        = 0
	cmdWrite       = 1
	cmdDisc        = 2
	cmdFlush       = 3
	cmdTrim        = 4
	cmdCache       = 5
	cmdWriteZeroes = 6
	cmdBlockStatus = 7
)

// Flags of a command.
const (
	cmdFUA      = 1 << 0
	cmdNoHole   = 1 << 1
	cmdDF       = 1 << 2
	cmdReqOne   = 1 << 3
	cmdFastZero = 1 << 4
)

// Chunks of a structured reply.
const (
	chunkDone = 1 << 0 // flag: the last of its reply

	chunkNone        = 0
	chunkData        = 1
	chunkHole        = 2
	chunkBlockStatus = 5
	chunkError       = 1<<15 + 1
)

// States of an extent in base:allocation.
const (
	stateHole = 1 << 0
	stateZero = 1 << 1
)
