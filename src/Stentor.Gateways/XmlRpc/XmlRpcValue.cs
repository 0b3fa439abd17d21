namespace Stentor.Gateways;

/// <summary>A value of XML-RPC (xmlrpc.com/spec). A closed set.</summary>
public abstract record XmlRpcValue
{
    private XmlRpcValue()
    {
    }

    /// <summary>What the value is, as it is named in messages: <c>a string</c>, <c>an integer</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>A whole number. Written as <c>int</c> when it has 32 bits, else as the extension <c>i8</c>.</summary>
    /// <param name="Value">The number.</param>
    public sealed record Whole(long Value) : XmlRpcValue
    {
        /// <inheritdoc/>
        public override string Kind => "an integer";
    }

    /// <summary>A floating-point number.</summary>
    /// <param name="Value">The number; not finite ones cannot be written.</param>
    public sealed record Real(double Value) : XmlRpcValue
    {
        /// <inheritdoc/>
        public override string Kind => "a double";
    }

    /// <summary>A boolean.</summary>
    /// <param name="Value">The truth.</param>
    public sealed record Truth(bool Value) : XmlRpcValue
    {
        /// <inheritdoc/>
        public override string Kind => "a boolean";
    }

    /// <summary>A string.</summary>
    /// <param name="Value">Its characters. What XML cannot carry is written as U+FFFD.</param>
    public sealed record Text(string Value) : XmlRpcValue
    {
        /// <inheritdoc/>
        public override string Kind => "a string";
    }

    /// <summary>A date and time.</summary>
    /// <param name="Value">As it was written, like <c>19980717T14:08:55</c>; it has no time zone.</param>
    public sealed record Time(string Value) : XmlRpcValue
    {
        /// <inheritdoc/>
        public override string Kind => "a date";
    }

    /// <summary>Bytes.</summary>
    /// <param name="Value">The bytes in base64.</param>
    public sealed record Bytes(string Value) : XmlRpcValue
    {
        /// <inheritdoc/>
        public override string Kind => "base64";
    }

    /// <summary>Values in order.</summary>
    /// <param name="Items">The values.</param>
    public sealed record List(IReadOnlyList<XmlRpcValue> Items) : XmlRpcValue
    {
        /// <inheritdoc/>
        public override string Kind => "an array";
    }

    /// <summary>Values by name.</summary>
    /// <param name="Members">The members in the order in which they stand, each name once.</param>
    public sealed record Struct(IReadOnlyList<KeyValuePair<string, XmlRpcValue>> Members) : XmlRpcValue
    {
        /// <inheritdoc/>
        public override string Kind => "a struct";

        /// <summary>The value of a member; null when there is none.</summary>
        /// <param name="name">The member's name.</param>
        public XmlRpcValue? Find(string name) => Members.FirstOrDefault(member => member.Key == name).Value;
    }

    /// <summary>No value: the extension <c>nil</c>.</summary>
    public sealed record Nil : XmlRpcValue
    {
        /// <summary>The one there is.</summary>
        public static Nil Instance { get; } = new();

        /// <inheritdoc/>
        public override string Kind => "nil";
    }
}

/// <summary>A call: a method and what it is called with.</summary>
/// <param name="Method">The method's name.</param>
/// <param name="Arguments">The arguments in order.</param>
public sealed record XmlRpcCall(string Method, IReadOnlyList<XmlRpcValue> Arguments);

/// <summary>What answers a call: a value, or a fault. The codes are those of the "Specification for Fault Code Interoperability" (Dan Libby, 2001).</summary>
/// <param name="code">The fault's code.</param>
/// <param name="message">What was wrong, what was expected and what to do.</param>
/// <param name="inner">What brought it about, if anything did.</param>
public sealed class XmlRpcFaultException(int code, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What was sent is no XML, or XML that is not read: with a document type, too deep.</summary>
    public const int NotXml = -32700;

    /// <summary>What was sent is XML and no call, or an answer that is none.</summary>
    public const int NotACall = -32600;

    /// <summary>There is no such method.</summary>
    public const int NoMethod = -32601;

    /// <summary>A value cannot be read or written.</summary>
    public const int BadValue = -32602;

    /// <summary>A mistake of the one who was called.</summary>
    public const int Internal = -32603;

    /// <summary>The fault's code.</summary>
    public int Code { get; } = code;

    /// <summary>Whether the other side answered with it; else what it sent could not be read.</summary>
    public bool IsAnswer { get; init; }
}
