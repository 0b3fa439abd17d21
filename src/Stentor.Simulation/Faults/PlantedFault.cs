namespace Stentor.Simulation;

/// <summary>Mistakes that are built in on purpose, one at a time, to see whether the checkers find them. See docs/testing.md for what found what.</summary>
public enum PlantedFault
{
    /// <summary>The program as it is.</summary>
    None,

    /// <summary>A publisher is told before its entry is committed.</summary>
    AcknowledgedBeforeCommit,

    /// <summary>A publisher is told that it is recorded though the disk refused the commit.</summary>
    AcknowledgedFailedCommit,

    /// <summary>Neighbours are told of entries before they are committed.</summary>
    AnnouncedBeforeCommit,

    /// <summary>Readers are shown entries before they are committed.</summary>
    DeliveredBeforeCommit,

    /// <summary>After a commit that the disk refused, the replica goes on as if it had not.</summary>
    NotRolledBack,

    /// <summary>The disk's sync does nothing and says that it did.</summary>
    SyncForgotten,

    /// <summary>The database of states is written without the position that it reflects, so that what follows is folded twice.</summary>
    CheckpointWithoutMark,

    /// <summary>A region that lost its disk comes back under the origin that it had.</summary>
    OriginReusedAfterDiskLoss,

    /// <summary>A region that was restored from an old copy goes on numbering from there.</summary>
    NumberReusedAfterRestore,

    /// <summary>The replica reads the state of a channel as it was one commit ago.</summary>
    StateReadStale,

    /// <summary>Publish ids are forgotten when a region starts again.</summary>
    PublishIdsForgotten,

    /// <summary>A publish id that came from another region is not known here.</summary>
    ForeignPublishIdsUnknown,

    /// <summary>The conditions of a publish are not looked at.</summary>
    ConditionIgnored,

    /// <summary>An answer's token does not cover the client's own entry.</summary>
    TokenWithoutOwnWrite,

    /// <summary>A read is answered although the region has not seen what the client has.</summary>
    ReadNotWaiting,

    /// <summary>A publish does not wait for what its author has seen elsewhere.</summary>
    PublishNotWaiting,

    /// <summary>A resumed reader starts at the newest position in place of its token.</summary>
    ReaderResumedTooLate,

    /// <summary>A resumed reader is shown what it has seen.</summary>
    ReaderResumedTooEarly,

    /// <summary>The token beside an entry covers what comes after it.</summary>
    ReaderTokenAhead,

    /// <summary>Copies of a known activity are shown to readers.</summary>
    RepeatDelivered,

    /// <summary>An inbox's cursor moves when an entry is sent, in place of when its owner says so.</summary>
    CursorMovedBeforeDelivery,

    /// <summary>A publish with copies is answered when the entry was sent to as many regions, in place of when they have it.</summary>
    CopiesCountedWhenSent,

    /// <summary>An entry is applied before what it depends on.</summary>
    DependenciesNotChecked,

    /// <summary>The Lamport clock of a received entry is not taken over.</summary>
    LamportNotMerged,

    /// <summary>The time of a received entry does not drive the clock.</summary>
    TimeNotMerged,

    /// <summary>A received entry is folded as the newest, whatever its stamp says.</summary>
    FoldedInArrivalOrder,

    /// <summary>A copy of a known activity is folded as another one: counters get it twice.</summary>
    CopyFoldedTwice,

    /// <summary>An entry that was damaged on its way is taken as it is.</summary>
    ChainNotChecked,

    /// <summary>The state database says that it reflects more than was written into it.</summary>
    MarkWithoutStates,

    /// <summary>The waiting room takes whatever comes.</summary>
    WaitingRoomUnbounded,

    /// <summary>What was pruned is never asked for again.</summary>
    GraftNotSent,

    /// <summary>Now and then a received entry is dropped on the way into the ledger, and the link is not told.</summary>
    ReceivedEntryLost,

    /// <summary>After a commit that the disk refused, the links take what they received for applied.</summary>
    RollbackNotTold,

    /// <summary>Now and then a region forgets a reader that is connected to it.</summary>
    ReaderForgotten,

    /// <summary>A voter votes again when it is asked again.</summary>
    VotedTwice,

    /// <summary>A region tells a client that a name is theirs as soon as it has claimed it.</summary>
    OwnerDecidedAlone,

    /// <summary>A broken link is not opened again.</summary>
    LinkNotRedialed,
}
