using System.Net;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>
/// What a client registered for, as it is kept: the fields of the state of <c>_tablets.REGION.TOKEN</c>. A region calls only those who registered with it.
/// </summary>
/// <param name="Address">Where it listens.</param>
/// <param name="Caller">Who registered it.</param>
/// <param name="Arguments">How many arguments it wants to be called with: 1 or 2.</param>
/// <param name="Subjects">The channels that it wants to hear of.</param>
internal sealed record TabletRegistration(TabletAddress Address, TabletCaller Caller, int Arguments, IReadOnlySet<string> Subjects)
{
    private static readonly string[] Fields = ["arguments", "caller", "channels", "here", "host", "port"];

    /// <summary>The effect that takes a registration away.</summary>
    public static Effect Removal { get; } = new([], [], Fields);

    /// <summary>The registration that a state holds; null when it holds none.</summary>
    /// <param name="state">The state.</param>
    public static TabletRegistration? Of(ChannelState state)
    {
        XmlRpcValue? Read(string field) => state.Field(field) is { IsEmpty: false } json ? XmlRpcJson.Read(json) : null;

        return Read("host") is XmlRpcValue.Text host && Read("port") is XmlRpcValue.Whole port && Read("arguments") is XmlRpcValue.Whole arguments
            && Read("caller") is XmlRpcValue.Text caller && IPAddress.TryParse(caller.Value, out var address)
            && Read("here") is XmlRpcValue.Truth here && Read("channels") is XmlRpcValue.List channels
            ? new TabletRegistration(
                new TabletAddress(host.Value, (int)port.Value),
                new TabletCaller(address, here.Value),
                arguments.Value == 2 ? 2 : 1,
                channels.Items.OfType<XmlRpcValue.Text>().Select(channel => channel.Value).ToHashSet(StringComparer.Ordinal))
            : null;
    }

    /// <summary>The effect that keeps it.</summary>
    public Effect ToEffect()
    {
        XmlRpcValue[] values =
        [
            new XmlRpcValue.Whole(Arguments),
            new XmlRpcValue.Text(Caller.Address.ToString()),
            new XmlRpcValue.List([.. Subjects.Order(StringComparer.Ordinal).Select(channel => new XmlRpcValue.Text(channel))]),
            new XmlRpcValue.Truth(Caller.IsHere),
            new XmlRpcValue.Text(Address.Host),
            new XmlRpcValue.Whole(Address.Port),
        ];
        return new Effect([.. Fields.Zip(values, (field, value) => new FieldSet(field, Json(value)))], [], []);
    }

    private static ReadOnlyMemory<byte> Json(XmlRpcValue value)
    {
        var json = new ByteBuffer(64);
        XmlRpcJson.Write(value, json);
        return json.WrittenMemory;
    }
}
