using System.Text;
using Stentor.Protocol;
using Stentor.Storage;

namespace Stentor.Simulation;

/// <summary>Judges states: invariant 4 (convergent). A state must be the fold of exactly the entries that its region holds, by <see cref="NaiveFold"/>.</summary>
internal sealed class StateChecker
{
    private readonly ByteBuffer _text = new(1024);

    /// <summary>Compares every channel's state with the fold of its entries.</summary>
    public void CheckAll(string region, LedgerCopy copy, Store store)
    {
        foreach (var (channel, facts) in copy.Channels)
        {
            var expected = NaiveFold.Of(facts)!; // A channel is there because it has entries.
            if (store.Find(channel) is not { } state)
            {
                throw new InvariantException(Invariant.Convergent, $"{region} has {facts.Count} entries in {channel} and no state.");
            }

            _text.Clear();
            state.WriteState(_text);
            var shown = Encoding.UTF8.GetString(_text.WrittenSpan);
            if (shown != expected.State)
            {
                throw new InvariantException(Invariant.Convergent, $"{region} shows {shown} in {channel}; its {facts.Count} entries give {expected.State}.");
            }

            if (state.Version != expected.Version)
            {
                throw new InvariantException(Invariant.ExactlyOnce, $"{region} shows version {state.Version} of {channel}; there are {expected.Version} activities, each publish id counted once.");
            }

            if (state.LastOrigin.Value != expected.Last.Origin || state.LastSeq != expected.Last.Seq)
            {
                throw new InvariantException(Invariant.Convergent, $"{region} shows {state.LastOrigin}:{state.LastSeq} as the last of {channel}; it is {expected.Last.Name}.");
            }
        }
    }
}
