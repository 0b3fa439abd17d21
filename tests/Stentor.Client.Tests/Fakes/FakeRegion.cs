using System.Text;
using Stentor.Protocol;

namespace Stentor.Client.Tests;

/// <summary>Numbers, stamps and chains entries as a region does.</summary>
internal sealed class FakeRegion(string origin = "eu-1")
{
    private ulong _chain;

    public OriginId Origin { get; } = new(origin);

    public long Seq { get; private set; }

    /// <summary>The region's own version vector.</summary>
    public VersionVector Vector => VersionVector.Of(Origin, Seq);

    public string Seen => SeenToken.Encode(Vector);

    /// <summary>Records an activity; gives the entry's bytes.</summary>
    public string Record(string channel, string? activity = "{\"type\":\"Note\"}", string? id = null, string author = "ada")
    {
        var buffer = new ByteBuffer();
        Seq++;
        _chain = EntryWriter.Write(
            new EntryParts(channel, Origin, Seq, Seq, 1_700_000_000_000_000 + Seq, author, VersionVector.Empty, id, null, activity is null ? default : Encoding.UTF8.GetBytes(activity)),
            _chain,
            buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Records an activity; gives its frame with the region's seen token.</summary>
    public string Frame(string channel, string activity = "{\"type\":\"Note\"}") => FrameOf(Record(channel, activity), Seen);

    /// <summary>Records an activity; gives its frame without a seen token, as within a commit.</summary>
    public string FrameWithoutSeen(string channel) => FrameOf(Record(channel), seen: null);

    /// <summary>The fields of the outcome of a publish that becomes the region's next entry.</summary>
    public string Outcome(string channel, bool duplicate = false, string? state = null)
    {
        Seq += duplicate ? 0 : 1;
        return OutcomeOf(channel, Seq, duplicate, state);
    }

    /// <summary>The fields of the outcome of an entry.</summary>
    public string OutcomeOf(string channel, long seq, bool duplicate = false, string? state = null) =>
        $"\"channel\":\"{channel}\",\"origin\":\"{Origin}\",\"seq\":{seq},\"lamport\":{seq},\"time\":\"2026-01-02T03:04:05.000006Z\",\"author\":\"ada\","
        + $"\"duplicate\":{(duplicate ? "true" : "false")},\"copies\":1,{(state is null ? "" : $"\"state\":{state},")}\"seen\":\"{SeenToken.Encode(VersionVector.Of(Origin, seq))}\"";

    public static string FrameOf(string entry, string? seen) => $"{{\"op\":\"activity\",\"entry\":{entry}{(seen is null ? "" : $",\"seen\":\"{seen}\"")}}}";
}
