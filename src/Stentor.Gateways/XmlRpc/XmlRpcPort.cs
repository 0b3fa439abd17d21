namespace Stentor.Gateways;

/// <summary>Marks connections of the port where XML-RPC is served and nothing else.</summary>
internal sealed class XmlRpcPort
{
    /// <summary>The mark.</summary>
    public static XmlRpcPort Instance { get; } = new();
}
