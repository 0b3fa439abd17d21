using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>One update as registered clients are called with it: encoded once a form, whatever their number. Any thread may read it.</summary>
/// <param name="subject">What was updated.</param>
/// <param name="value">What it stands at after the update.</param>
/// <param name="time">When it was updated, microseconds since 1970.</param>
internal sealed class TabletUpdate(ScoreboardSubject subject, Func<XmlRpcValue> value, long time)
{
    private readonly Lazy<XmlRpcValue> _value = new(value);
    private byte[]? _short;
    private byte[]? _long;

    /// <summary>What was updated.</summary>
    public ScoreboardSubject Subject => subject;

    /// <summary>What it stands at after the update.</summary>
    public XmlRpcValue Value => _value.Value;

    /// <summary>The call.</summary>
    /// <param name="arguments">1 for the value alone, 2 for the time as well: seconds since 1970.</param>
    public ReadOnlyMemory<byte> Call(int arguments) => arguments == 1
        ? _short ??= Encode(Value)
        : _long ??= Encode(Value, new XmlRpcValue.Real(time / 1e6));

    private byte[] Encode(params ReadOnlySpan<XmlRpcValue> arguments)
    {
        var xml = new ByteBuffer(512);
        XmlRpcWriter.WriteCall(subject.IsTeam ? "print_medal_tally_for_team" : "print_score_for_event", arguments, xml);
        return xml.WrittenSpan.ToArray();
    }
}
