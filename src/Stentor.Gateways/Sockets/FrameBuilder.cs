using Stentor.Node;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Puts one frame after the other together, each in its form, in the same memory. One owner, one thread.</summary>
internal sealed class FrameBuilder
{
    // A large answer (a state of many fields) does not keep its memory.
    private const int KeepMax = 64 * 1024;

    private readonly ByteBuffer _framed = new(1024);

    /// <summary>Where the frame's JSON goes.</summary>
    public ByteBuffer Json { get; } = new(1024);

    /// <summary>Ends the frame.</summary>
    /// <param name="form">Its form.</param>
    /// <returns>The frame; valid until the next one is begun.</returns>
    public ReadOnlySpan<byte> Finish(WireForm form)
    {
        if (form == WireForm.Lines)
        {
            Json.Write("\n"u8);
            var line = Json.WrittenSpan;
            Json.Clear(KeepMax);
            return line;
        }

        _framed.Clear(KeepMax);
        WireForms.WriteFrame(form, Json.WrittenSpan, _framed);
        Json.Clear(KeepMax);
        return _framed.WrittenSpan;
    }
}
