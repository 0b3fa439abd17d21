using System.Collections.Immutable;
using System.Diagnostics;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>An entry, as far as it matters to its channel's state.</summary>
/// <param name="Stamp">Where it stands in the order.</param>
/// <param name="Lamport">Its Lamport clock.</param>
/// <param name="Author">Who published it.</param>
/// <param name="After">Its dependencies, without the own component.</param>
/// <param name="Effect">Its effect, or null.</param>
/// <param name="FirstCopy">Null, or where the first copy of the same activity stands, when this is a repeat.</param>
internal readonly record struct Folded(Stamp Stamp, long Lamport, string Author, VersionVector After, Effect? Effect, Stamp? FirstCopy);

/// <summary>Sums a field's adds from the entries themselves, each activity once, for the rare fold that cannot go forward.</summary>
/// <param name="field">The field.</param>
/// <param name="register">Only adds with greater stamps count; null for all.</param>
internal delegate CounterAmount SumOfAdds(string field, Stamp? register);

/// <summary>
/// Folds one activity after the other into a channel's state, in whatever causal order they come, so that the state is the one that
/// the order of the stamps gives (docs/state.md). Each step costs about the same, however long the history.
/// </summary>
internal static class Fold
{
    /// <summary>The state after one more entry.</summary>
    /// <param name="state">The state before it; null when it is the channel's first.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="conflictsMax">Most conflicts to keep.</param>
    /// <param name="sumOfAdds">Asked when the sum of a counter cannot be told from the state.</param>
    public static ChannelState Next(ChannelState? state, in Folded entry, int conflictsMax, SumOfAdds sumOfAdds)
    {
        var fields = state is null ? ChannelState.NoFields : state.Fields;
        var conflicts = state is null ? [] : state.Conflicts;
        var fieldBytes = state?.FieldBytes ?? 0;
        if (entry.Effect is not null)
        {
            var step = new Step(entry, fields, conflicts, sumOfAdds);
            step.Apply(entry.Effect);
            (fields, conflicts) = (step.Fields, step.Conflicts(conflictsMax));
            fieldBytes += step.GrownBytes;
        }

        var version = (state?.Version ?? 0) + (entry.FirstCopy is null ? 1 : 0);
        return state is not null && !entry.Stamp.IsAfter(new Stamp(state.LastTime, state.LastOrigin, state.LastSeq))
            ? new ChannelState
            {
                Version = version,
                LastOrigin = state.LastOrigin,
                LastSeq = state.LastSeq,
                LastLamport = state.LastLamport,
                LastTime = state.LastTime,
                Fields = fields,
                FieldBytes = fieldBytes,
                Conflicts = conflicts,
            }
            : new ChannelState
            {
                Version = version,
                LastOrigin = entry.Stamp.Origin,
                LastSeq = entry.Stamp.Seq,
                LastLamport = entry.Lamport,
                LastTime = entry.Stamp.Time,
                Fields = fields,
                FieldBytes = fieldBytes,
                Conflicts = conflicts,
            };
    }

    /// <summary>One entry's changes on their way into the fields.</summary>
    private struct Step(in Folded entry, ImmutableSortedDictionary<string, FieldState> fields, Conflict[] conflicts, SumOfAdds sumOfAdds)
    {
        private readonly Folded _entry = entry;
        private readonly Knowledge _knowledge = new(entry.Stamp.Origin, entry.Stamp.Seq, entry.After);
        private List<Conflict>? _conflicts;

        public ImmutableSortedDictionary<string, FieldState> Fields { get; private set; } = fields;

        /// <summary>How many bytes the fields have more than before.</summary>
        public long GrownBytes { get; private set; }

        public readonly Conflict[] Conflicts(int countMax)
        {
            if (_conflicts is null)
            {
                return conflicts;
            }

            _conflicts.Sort();
            return [.. _conflicts.Take(countMax)];
        }

        public void Apply(Effect effect)
        {
            foreach (var (field, value) in effect.Set)
            {
                Register(field, new FieldChange(FieldChangeKind.Set, _entry.Stamp, _entry.Author, value, default));
            }

            foreach (var field in effect.Remove)
            {
                Register(field, new FieldChange(FieldChangeKind.Remove, _entry.Stamp, _entry.Author, default, default));
            }

            foreach (var (field, amount) in effect.Add)
            {
                Add(field, new FieldChange(FieldChangeKind.Add, _entry.Stamp, _entry.Author, default, amount));
            }
        }

        private void Register(string name, FieldChange change)
        {
            var field = Field(name);
            ForgetSettledConflicts(name);

            // What this change's author had seen it replaces; what not stands beside it, and the greater stamp shows.
            var newest = change;
            List<FieldChange>? beside = null;
            if (field.Register is { } register && !_knowledge.Covers(register.Stamp))
            {
                AddConflict(name, register, change);
                (newest, var other) = register.Stamp.IsAfter(change.Stamp) ? (register, change) : (change, register);
                (beside ??= []).Add(other);
            }

            foreach (var sibling in field.Siblings)
            {
                if (!_knowledge.Covers(sibling.Stamp))
                {
                    AddConflict(name, sibling, change);
                    (beside ??= []).Add(sibling);
                }
            }

            beside?.Sort((a, b) => a.Stamp.CompareTo(b.Stamp));
            var adders = field.Adders;
            if (adders.Length > 0)
            {
                var knowledge = _knowledge;
                adders = Array.FindAll(adders, add => !knowledge.Covers(add.Stamp));
                foreach (var add in adders)
                {
                    AddConflict(name, add, change);
                }
            }

            var sum = field.Sum;
            if (newest == change)
            {
                sum = field.HasAddAfter(change) ? sumOfAdds(name, change.Stamp) : default;
            }

            Replace(name, field, new FieldState(newest, beside is null ? [] : [.. beside], adders, sum));
        }

        private void Add(string name, FieldChange change)
        {
            var field = Field(name);
            if (_entry.FirstCopy is null)
            {
                foreach (var register in field.Register is null ? field.Siblings : [field.Register, .. field.Siblings])
                {
                    if (!_knowledge.Covers(register.Stamp))
                    {
                        AddConflict(name, change, register);
                    }
                }
            }

            var sum = field.Sum;
            if (field.Register is null || change.Stamp.IsAfter(field.Register.Stamp))
            {
                if (_entry.FirstCopy is not { } first)
                {
                    sum += change.Amount;
                }
                else if (field.Register is not null && !first.IsAfter(field.Register.Stamp))
                {
                    // The first copy came too early in the order to count; whether another one counted already, only the entries tell.
                    sum = sumOfAdds(name, field.Register.Stamp);
                }
            }

            Replace(name, field, field with { Adders = WithAdder(field.Adders, change), Sum = sum });
        }

        private readonly FieldState Field(string name) => Fields.GetValueOrDefault(name, FieldState.Untouched);

        private void Replace(string name, FieldState before, FieldState after)
        {
            GrownBytes += after.ValueBytes - before.ValueBytes + (ReferenceEquals(before, FieldState.Untouched) ? FieldState.NameBytes(name) : 0);
            Fields = Fields.SetItem(name, after);
        }

        private static FieldChange[] WithAdder(FieldChange[] adders, FieldChange change)
        {
            var at = 0;
            while (at < adders.Length && adders[at].Stamp.Origin.CompareTo(change.Stamp.Origin) < 0)
            {
                at++;
            }

            return at < adders.Length && adders[at].Stamp.Origin == change.Stamp.Origin
                ? [.. adders.AsSpan(0, at), change, .. adders.AsSpan(at + 1)]
                : [.. adders.AsSpan(0, at), change, .. adders.AsSpan(at)];
        }

        /// <summary>A set or remove whose author had seen one side of a conflict and not the other replaces that side: what is in conflict now is the new change.</summary>
        private void ForgetSettledConflicts(string name)
        {
            var knowledge = _knowledge;
            bool IsSettled(Conflict c) => c.Field == name && knowledge.Covers(c.Lost.Stamp) != knowledge.Covers(c.Winner.Stamp);
            if (_conflicts is not null)
            {
                _conflicts.RemoveAll(IsSettled);
            }
            else if (Array.Exists(conflicts, IsSettled))
            {
                _conflicts = [.. conflicts];
                _conflicts.RemoveAll(IsSettled);
            }
        }

        /// <summary>Notes that neither of two changes was known to the other's author, if something is lost by that.</summary>
        private void AddConflict(string name, FieldChange one, FieldChange other)
        {
            Debug.Assert(other.Kind != FieldChangeKind.Add, "an add overwrites nothing");
            var (lost, winner) = one.Kind == FieldChangeKind.Add || other.Stamp.IsAfter(one.Stamp) ? (one, other) : (other, one);
            if (lost.Kind == FieldChangeKind.Add ? winner.Kind == FieldChangeKind.Remove : lost.DoesTheSameAs(winner))
            {
                return;
            }

            _conflicts ??= [.. conflicts];

            // Of many adds of one origin that gave way to the same change, the last stands for all.
            if (lost.Kind == FieldChangeKind.Add)
            {
                _conflicts.RemoveAll(c => c.Field == name && c.Lost.Kind == FieldChangeKind.Add
                    && c.Lost.Stamp.Origin == lost.Stamp.Origin && c.Winner.Stamp == winner.Stamp);
            }

            _conflicts.Add(new Conflict(name, lost, winner));
        }
    }
}
