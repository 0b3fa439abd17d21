using System.Globalization;
using System.Text;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>The frames that a server answers with, as JSON on one line.</summary>
internal static class ServerFrames
{
    /// <summary>Asks for a sign of life.</summary>
    public static ReadOnlySpan<byte> Ping => "{\"op\":\"ping\"}"u8;

    /// <summary>The first frame of a connection.</summary>
    /// <param name="node">The node.</param>
    public static byte[] Hello(StentorNode node)
    {
        var limits = node.Options.Limits;
        var heartbeat = node.Options.Heartbeat.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        return Encoding.UTF8.GetBytes(
            $$"""
            {"op":"hello","node":"{{node.Name}}","region":"{{node.Options.Region}}","version":"{{StatusAnswers.Version}}","limits":{"activityBytesMax":{{limits.ActivityBytesMax}},"depthMax":{{limits.DepthMax}},"frameBytesMax":{{limits.FrameBytesMax}},"publishIdBytesMax":{{limits.PublishIdBytesMax}},"channelsPerRequestMax":{{limits.ChannelsPerRequestMax}},"subscriptionsMax":{{limits.SubscriptionsMax}},"inFlightMax":{{limits.InFlightMax}}},"heartbeat":{{heartbeat}}}
            """);
    }

    /// <summary>A request was done.</summary>
    /// <param name="reference">The request's <c>ref</c>; empty for none.</param>
    /// <param name="buffer">Where it goes.</param>
    public static void WriteOk(ReadOnlySpan<byte> reference, ByteBuffer buffer)
    {
        Start("{\"op\":\"ok\""u8, reference, buffer);
        buffer.Write("}"u8);
    }

    /// <summary>A request was done that starts or ends at a point.</summary>
    /// <param name="reference">The request's <c>ref</c>; empty for none.</param>
    /// <param name="seen">The point.</param>
    /// <param name="buffer">Where it goes.</param>
    public static void WriteOk(ReadOnlySpan<byte> reference, VersionVector seen, ByteBuffer buffer)
    {
        Start("{\"op\":\"ok\""u8, reference, buffer);
        buffer.Write(",\"seen\":\""u8);
        buffer.Advance(SeenToken.Encode(seen, buffer.GetSpan(SeenToken.EncodedLengthMax(seen))));
        buffer.Write("\"}"u8);
    }

    /// <summary>A publish was recorded, or known.</summary>
    /// <param name="reference">The request's <c>ref</c>; empty for none.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="copies">How many regions have it on disk.</param>
    /// <param name="buffer">Where it goes.</param>
    public static void WriteOk(ReadOnlySpan<byte> reference, in Outcome outcome, int copies, ByteBuffer buffer)
    {
        Start("{\"op\":\"ok\""u8, reference, buffer);
        buffer.Write(","u8);
        OutcomeWriter.WriteFields(outcome, copies, buffer);
        buffer.Write("}"u8);
    }

    /// <summary>A request was refused, or the connection is about to end.</summary>
    /// <param name="reference">The request's <c>ref</c>; empty for none.</param>
    /// <param name="refusal">Why.</param>
    /// <param name="retryAfter">When to come back; zero where that would not help.</param>
    /// <param name="buffer">Where it goes.</param>
    public static void WriteError(ReadOnlySpan<byte> reference, Refusal refusal, TimeSpan retryAfter, ByteBuffer buffer)
    {
        Start("{\"op\":\"error\""u8, reference, buffer);
        buffer.Write(",\"type\":"u8);
        JsonText.Write(refusal.Type, buffer);
        buffer.Write(",\"detail\":"u8);
        JsonText.Write(refusal.Detail, buffer);
        if (retryAfter > TimeSpan.Zero)
        {
            buffer.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $",\"retryAfter\":{retryAfter.TotalSeconds:0.###}")));
        }

        if (refusal.Missing is { } missing)
        {
            buffer.Write(",\"missing\":"u8);
            buffer.Write(missing);
        }

        buffer.Write("}"u8);
    }

    private static void Start(ReadOnlySpan<byte> start, ReadOnlySpan<byte> reference, ByteBuffer buffer)
    {
        buffer.Write(start);
        if (!reference.IsEmpty)
        {
            buffer.Write(",\"ref\":"u8);
            buffer.Write(reference);
        }
    }
}
