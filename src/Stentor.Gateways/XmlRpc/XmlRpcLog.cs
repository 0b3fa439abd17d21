using Microsoft.Extensions.Logging;

namespace Stentor.Gateways;

/// <summary>What the XML-RPC gateway tells the operator. Numbers 3300 to 3399.</summary>
internal static partial class XmlRpcLog
{
    [LoggerMessage(3300, LogLevel.Debug, "{Client} called {Call} → {Answer}")]
    public static partial void Called(ILogger log, string client, string call, string answer);

    [LoggerMessage(3301, LogLevel.Debug, "{Tablet} shows {Subject}: {Value}")]
    public static partial void Pushed(ILogger log, string tablet, string subject, string value);

    [LoggerMessage(3302, LogLevel.Information, "XML-RPC client {Tablet} is registered for {Subjects}.")]
    public static partial void Registered(ILogger log, string tablet, string subjects);

    [LoggerMessage(3303, LogLevel.Information, "XML-RPC client {Tablet} does not answer: {Reason} It is tried again for {Seconds:0} s.")]
    public static partial void Failing(ILogger log, string tablet, string reason, double seconds);

    [LoggerMessage(3304, LogLevel.Information, "XML-RPC client {Tablet} answers again after {Seconds:0.0} s.")]
    public static partial void Recovered(ILogger log, string tablet, double seconds);

    [LoggerMessage(3305, LogLevel.Warning, "XML-RPC client {Tablet} is dropped after {Seconds:0} s without an answer: {Reason} It can register again.")]
    public static partial void Dropped(ILogger log, string tablet, double seconds, string reason);

    [LoggerMessage(3306, LogLevel.Warning, "The registration of XML-RPC client {Tablet} could not be changed: {Reason}")]
    public static partial void NotRecorded(ILogger log, string tablet, string reason);

    [LoggerMessage(3307, LogLevel.Warning, "XML-RPC updates come faster than they can be handed out; the oldest are left out (counted in stentor_xmlrpc_pushes_skipped_total).")]
    public static partial void Overrun(ILogger log);

    [LoggerMessage(3308, LogLevel.Error, "The grants for scores and medals, or the account that writes them, could not be made yet: {Reason} It is tried again every second.")]
    public static partial void NotPrepared(ILogger log, string reason);

    [LoggerMessage(3309, LogLevel.Error, "A fault while answering XML-RPC method {Method}.")]
    public static partial void AnswerFailed(ILogger log, Exception fault, string method);

    [LoggerMessage(3310, LogLevel.Error, "A fault while pushing to XML-RPC client {Tablet}; it gets nothing more until it registers again.")]
    public static partial void PushFailed(ILogger log, Exception fault, string tablet);
}
