using Stentor.Replication;

namespace Stentor.Storage;

/// <content>Opening: the ledger is recovered first, then the states are brought up to it.</content>
public sealed partial class Store
{
    /// <summary>Opens the store on a disk, makes it when there is none, and recovers: the torn tail is cut, the ledger's rest is folded onto the last check-point.</summary>
    /// <param name="disk">Where the ledger is.</param>
    /// <param name="options">Sizes and names.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    /// <exception cref="LedgerFaultException">What lies there cannot be used; the message says what to do.</exception>
    public static Store Open(IDisk disk, StoreOptions options)
    {
        var store = OpenUnfolded(disk, options);
        try
        {
            store.FoldTo(store.Position);
            store.LookForCopy(disk);
            store._ledger.Housekeeper.SafePosition = store._states.Checkpointed.Position;
            store._ledger.Housekeeper.Start();
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A directory that was copied, from a backup or by hand, may be older than what the region made under its origin: going on under it could use a number
    /// twice. So a copy goes on under a new incarnation; that costs nothing.
    /// </summary>
    private void LookForCopy(IDisk disk)
    {
        if (!DirectoryMark.IsOfCopy(disk))
        {
            return;
        }

        var old = Origin;
        var incarnation = _options.Incarnation;
        var next = StoreOptions.OriginOf(_options.Region, incarnation);
        while (next == old || Mark.Seen[next] > 0)
        {
            next = StoreOptions.OriginOf(_options.Region, ++incarnation);
        }

        _ledger.TakeIncarnation(next);
        OriginBefore = old;
        DirectoryMark.Write(disk); // Last: should the process end before, the next start sees a copy again.
    }

    /// <summary>Opens it with the states as they are in the database: for an examination.</summary>
    internal static Store OpenUnfolded(IDisk disk, StoreOptions options)
    {
        var isOwned = options.StateMemory is null;
        var database = options.StateMemory?.Database ?? OpenStates(options.StatePath);
        Ledger? ledger = null;
        States? states = null;
        try
        {
            ledger = Ledger.Open(disk, options, database.Mark);
            var start = database.Mark ?? new StateMark(ledger.StoreId, 0, ReplicaMark.Start);
            Check(ledger, start, options);
            states = new States(database, start, options.IsHousekeepingInBackground, isOwned);
            return new Store(ledger, states, options);
        }
        catch
        {
            ledger?.Dispose();
            if (states is not null)
            {
                states.Dispose();
            }
            else if (isOwned)
            {
                database.Dispose();
            }

            throw;
        }
    }

    private static StateDatabase OpenStates(string? path)
    {
        try
        {
            return StateDatabase.Open(path);
        }
        catch (DiskException e) when (path is not null && e.InnerException is StateDamagedException)
        {
            // A fold of the ledger can be folded again. What is there is kept, in case someone wants to look at it.
            foreach (var suffix in (ReadOnlySpan<string>)["", "-wal", "-shm"])
            {
                if (File.Exists(path + suffix))
                {
                    File.Move(path + suffix, path + ".damaged" + suffix, overwrite: true);
                }
            }

            return StateDatabase.Open(path);
        }
    }

    private static void Check(Ledger ledger, StateMark start, StoreOptions options)
    {
        if (start.Position > ledger.Position)
        {
            throw new LedgerFaultException($"The state database {options.StatePath} reflects position {start.Position}, but the ledger ends at {ledger.Position}: entries that were acknowledged are missing. Restore the newest ledger-*.seg files. If they are lost, run `stentor doctor --repair`, which says what can be saved.");
        }

        if (start.Position < ledger.FirstPosition - 1)
        {
            throw new LedgerFaultException($"The ledger starts at position {ledger.FirstPosition}, because retention took what came before, and the state database {options.StatePath} reflects only position {start.Position}: the states cannot be folded. Restore the state database from a backup that is not older than position {ledger.FirstPosition - 1}.");
        }
    }

    /// <summary>Folds what the ledger has and the states have not.</summary>
    /// <param name="last">The last position to fold.</param>
    /// <param name="onFolded">Told of the position reached, now and then.</param>
    internal void FoldTo(long last, Action<long>? onFolded = null)
    {
        if (last <= _states.Current.Position)
        {
            return;
        }

        var replica = new Replica(Origin, Mark, this, _options.Replica);
        var outbox = new Outbox { Mark = Mark };
        var batch = new LedgerBatch();
        for (var after = _states.Current.Position; after < last;)
        {
            _ledger.Read(after, channels: null, BatchBytes, batch);
            if (batch.Holes.Count > 0)
            {
                var hole = batch.Holes[0];
                throw new LedgerFaultException($"Positions {hole.First} to {hole.Last} are {hole.Reason}, and the state database reflects only position {_states.Checkpointed.Position}: what comes after the damage cannot be folded. Restore that file from a backup; if there is none, run `stentor doctor --repair`, which keeps a copy and says what can be saved.");
            }

            var folded = 0;
            foreach (var slice in batch.Entries)
            {
                if (slice.Position > last)
                {
                    break;
                }

                replica.Replay(batch.Bytes.WrittenMemory.Slice(slice.Offset, slice.Length), outbox);
                after = slice.Position;
                folded++;
            }

            _states.Apply(outbox, after, folded, batch.Bytes.Length);
            replica.Commit();
            outbox.Clear();
            if (_states.IsCheckpointDue)
            {
                _states.Checkpoint();
            }

            onFolded?.Invoke(after);
        }
    }
}
